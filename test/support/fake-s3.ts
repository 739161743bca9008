import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the service does wrong with a request. */
export type S3Fault =
  /** Answers 500, as services do when they are busy. */
  | 'unavailable'
  /** Takes half of an upload and closes the connection: the object must not appear. */
  | 'torn'
  /** Says that an upload is done and keeps other bytes. */
  | 'altered';

/** The calls of S3 that checkpoints need, in memory, with faults on demand: addressed as `http://host/bucket/key`. */
export class FakeS3 {
  readonly objects = new Map<string, Buffer>();
  readonly requests: string[] = [];
  /** Asked before each request; null lets it pass. */
  fault: (request: { readonly method: string; readonly key: string }) => S3Fault | null = () => null;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<FakeS3> {
    const fake = new FakeS3();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  /** Variables with which AWS's client finds it. */
  get env(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
    };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const key = decodeURIComponent(url.pathname.slice(1));
    const method = request.method ?? '';
    this.requests.push(`${method} ${key}`);
    const fault = this.fault({ method, key });
    if (fault === 'unavailable') return void respond(response, 500, errorXml('InternalError'));
    const chunks: Buffer[] = [];
    let received = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      received += chunk.length;
      if (fault === 'torn' && received * 2 > Number(request.headers['content-length'] ?? 0)) {
        request.destroy();
        return;
      }
    }
    switch (method) {
      case 'PUT': {
        const body = Buffer.concat(chunks);
        if (fault === 'altered') body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
        this.objects.set(key, body);
        return void respond(response, 200, '');
      }
      case 'DELETE':
        this.objects.delete(key);
        return void respond(response, 204, '');
      case 'GET':
        if (url.searchParams.get('list-type') === '2') return void respond(response, 200, this.#list(key, url));
        return void this.#get(key, response);
      default:
        return void respond(response, 405, errorXml('MethodNotAllowed'));
    }
  }

  #get(key: string, response: ServerResponse): void {
    const body = this.objects.get(key);
    if (body === undefined) respond(response, 404, errorXml('NoSuchKey'));
    else respond(response, 200, body, 'application/octet-stream');
  }

  /** Pages of three, so that whoever reads the first one only is found out. */
  #list(path: string, url: URL): string {
    const bucket = path.replace(/\/$/, '');
    const prefix = url.searchParams.get('prefix') ?? '';
    const after = url.searchParams.get('continuation-token') ?? '';
    const keys = [...this.objects.keys()]
      .filter((key) => key.startsWith(`${bucket}/${prefix}`))
      .map((key) => key.slice(bucket.length + 1))
      .filter((key) => key > after)
      .sort();
    const page = keys.slice(0, 3);
    const isTruncated = keys.length > page.length;
    const contents = page.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join('');
    const next = isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    return (
      `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
      `<Name>${bucket}</Name><IsTruncated>${isTruncated}</IsTruncated>${next}${contents}</ListBucketResult>`
    );
  }
}

function errorXml(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
}

function respond(response: ServerResponse, status: number, body: string | Buffer, type = 'application/xml'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
