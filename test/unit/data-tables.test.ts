import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { type Dataset, datasets } from '../../shared/job/index.ts';
import { openSource, type Source } from '../../worker/data/index.ts';
import { NumericRows } from '../../worker/data/tables/numeric-rows.ts';
import { dataDirectory, readSample } from '../support/data-fixtures.ts';
import { rejected } from '../support/thrown.ts';

/** Opens `dataset` over a directory that holds `text` as the file `table`. */
async function open(t: TestContext, text: string, dataset: Dataset): Promise<Source> {
  const directory = dataDirectory(t);
  directory.write('table', Buffer.from(text));
  const source = await openSource(dataset.describe(), { directory: directory.path });
  t.after(() => source.close?.());
  return source;
}

function samples(source: Source) {
  return Array.from({ length: source.size }, (_, index) => readSample(source, index));
}

const houses = datasets.csv({ file: 'table', inputs: ['rooms', 'area'], target: 'price' });

test('CSV: columns are found by their names; quotes, blank lines and both line ends are understood', async (t) => {
  const text = '\ufeffid,area,"rooms",price\r\n1,"50.5",2,100\n\n2,80,"3",1e3\r\n';
  const source = await open(t, text, houses);
  assert.deepEqual(source.inputs, [{ shape: [2], dtype: 'float32' }]);
  assert.deepEqual(samples(source), [
    { input: [2, 50.5], target: [100] },
    { input: [3, 80], target: [1000] },
  ]);
});

test('CSV: without a header columns go by number; several targets; another delimiter', async (t) => {
  const dataset = datasets.csv({ file: 'table', header: false, delimiter: ';', inputs: 2, target: [0, 1] });
  assert.deepEqual(samples(await open(t, '1;2;3\n4;5;6', dataset)), [
    { input: [3], target: [1, 2] },
    { input: [6], target: [4, 5] },
  ]);
});

const news = datasets.tsv({ file: 'table', header: false, text: 1, target: 0, classes: ['earn', 'acq'] });

test('TSV: texts are read at their place, labels become the numbers of their classes, quotes mean nothing', async (t) => {
  const text = 'acq\tso "it is\nearn\tgrüße an alle\nearn\t\n';
  const source = await open(t, text, news.tokenize({ adaptTo: news }).padSequences({ maxLen: 4 }));
  assert.deepEqual(samples(source), [
    { input: [0, 1, 2, 3], target: [1] },
    { input: [0, 4, 5, 6], target: [0] },
    { input: [0, 0, 0, 0], target: [0] },
  ]);
});

test('CSV: every record is found again at its place, whatever is quoted in it', async (t) => {
  const field = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r\n', ' ', '漢'), maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(field, { minLength: 1, maxLength: 20 }), async (texts) => {
      const rows = texts.map((text, row) => `${row},"${text.replaceAll('"', '""')}"`);
      const dataset = datasets.csv({ file: 'table', header: false, text: 1, target: 0 });
      const characters = dataset.tokenize({ adaptTo: dataset, charLevel: true, lower: false });
      const source = await open(t, rows.join('\n'), characters.padSequences({ maxLen: 30, padding: 'post' }));
      const alphabet = new Map<number, string>();
      for (const [row, text] of texts.entries()) {
        const { input, target } = readSample(source, row);
        assert.deepEqual(target, [row]);
        for (const [place, character] of [...text].entries()) {
          const known = alphabet.get(input[place] as number) ?? character;
          assert.equal(known, character);
          alphabet.set(input[place] as number, character);
        }
        assert.equal(input.filter((number) => number > 0).length, [...text].length);
      }
    }),
    { numRuns: 30 },
  );
});

test('rows beyond the kept ones are not kept', () => {
  const rows = new NumericRows(2, 24);
  for (let row = 0; row < 5; row++) rows.add([row, -row]);
  assert.deepEqual([...(rows.at(2) ?? [])], [2, -2]);
  assert.equal(rows.at(3), undefined);
});

/** [what is wrong, data set, text, code, message] */
const wrongTables: readonly (readonly [
  string,
  Dataset,
  string,
  'data/corrupt' | 'data/empty' | 'job/invalid',
  RegExp,
])[] = [
  ['an empty file', houses, '', 'data/empty', /table holds no rows below its header/],
  ['a header alone', houses, 'rooms,area,price\n', 'data/empty', /no rows below its header/],
  [
    'a missing column',
    houses,
    'rooms,aera,price\n1,2,3',
    'job/invalid',
    /no column "area"; did you mean "aera"\? Its columns: rooms, aera, price/,
  ],
  ['a ragged row', houses, 'rooms,area,price\n1,2,3\n1,2\n', 'data/corrupt', /table line 3: 2 columns, expected 3/],
  ['an empty cell', houses, 'rooms,area,price\n1,,3', 'data/corrupt', /line 2: column "area": it is empty; fill it in/],
  [
    'a word for a number',
    houses,
    'rooms,area,price\n1,big,3',
    'data/corrupt',
    /line 2: column "area": "big" is no finite number/,
  ],
  ['NaN', houses, 'rooms,area,price\n1,NaN,3', 'data/corrupt', /"NaN" is no finite number/],
  [
    'a word for a target',
    houses,
    'rooms,area,price\n1,2,cheap',
    'data/corrupt',
    /column "price": "cheap" .*name the labels by `classes`/,
  ],
  ['an open quote', houses, 'rooms,area,price\n1,"2,3\n', 'data/corrupt', /table line \d+: .*[Qq]uot/],
  [
    'an unknown class',
    news,
    'earn\ta\ngrain\tb\n',
    'data/corrupt',
    /line 2: column 0: label "grain", expected one of the classes "earn", "acq"/,
  ],
  ['a column beyond the last', news, 'earn\nacq\n', 'job/invalid', /has 1 columns, 0 to 0; the job names 1/],
];
for (const [what, dataset, text, code, message] of wrongTables) {
  test(`a table with ${what}: file, line and what to do are named when it is opened`, async (t) => {
    assert.match((await rejected(code, open(t, text, dataset))).message, message);
  });
}

test('JSON lines: numbers, nested arrays, classes and sequences', async (t) => {
  const text = '{"x":[[1,2],[3,4]],"z":5,"y":"b"}\n\n{"z":6.5,"y":"a","x":[[5,6],[7,8]]}';
  const source = await open(
    t,
    text,
    datasets.jsonLines({ file: 'table', inputs: ['x', 'z'], target: 'y', classes: ['a', 'b'] }),
  );
  assert.deepEqual(
    source.inputs.map(({ shape }) => shape),
    [[2, 2], [1]],
  );
  assert.deepEqual(samples(source), [
    { input: [1, 2, 3, 4], target: [1] },
    { input: [5, 6, 7, 8], target: [0] },
  ]);
  const sequences = datasets.jsonLines({ file: 'table', sequence: 's', target: 'y' }).padSequences({ maxLen: 2 });
  assert.deepEqual(samples(await open(t, '{"s":[],"y":1}\n{"s":[1,2,3],"y":2}\n', sequences)), [
    { input: [0, 0], target: [1] },
    { input: [2, 3], target: [2] },
  ]);
});

const json = datasets.jsonLines({ file: 'table', inputs: 'x', target: 'y', classes: 2 });
const wrongLines: readonly (readonly [string, string, 'data/corrupt' | 'data/empty', RegExp])[] = [
  ['nothing', '\n\n', 'data/empty', /table holds no lines/],
  ['what is no JSON', '{"x":1,"y":0}\n{"x":', 'data/corrupt', /table line 2: .*JSON/],
  ['a list', '[1]', 'data/corrupt', /line 1: expected an object \{ … \}, got an array/],
  ['a missing field', '{"x":1,"y":0}\n{"y":0}', 'data/corrupt', /line 2: field "x" holds missing, expected a number/],
  [
    'ragged arrays',
    '{"x":[1,2],"y":0}\n{"x":[1],"y":0}',
    'data/corrupt',
    /line 2: field "x" holds an array of 1, expected an array of 2/,
  ],
  [
    'a label out of range',
    '{"x":1,"y":2}',
    'data/corrupt',
    /line 1: field "y": label 2, expected a whole number from 0 to 1/,
  ],
];
for (const [what, text, code, message] of wrongLines) {
  test(`JSON lines with ${what} are refused when they are opened`, async (t) => {
    assert.match((await rejected(code, open(t, text, json))).message, message);
  });
}

test('texts and sequences without a shape are refused with what to add', async (t) => {
  assert.match(
    (await rejected('data/shape', open(t, 'earn\ta', news))).message,
    /holds texts, which have no fixed shape; add \.tokenize\(.*\)\.padSequences/,
  );
  assert.match(
    (await rejected('data/shape', open(t, 'earn\ta', news.tokenize({ adaptTo: news })))).message,
    /sequences/,
  );
  assert.match(
    (await rejected('data/shape', open(t, 'earn\ta', news.padSequences({ maxLen: 2 })))).message,
    /got texts/,
  );
});
