/** A file of a data set in its official place. */
export interface RemoteFile {
  readonly name: string;
  readonly url: string;
  /** Hex. */
  readonly sha256: string;
}

export interface RemoteDataset {
  /** For people. */
  readonly title: string;
  readonly files: readonly RemoteFile[];
  /** What is read, where that is not the files themselves: the folder that they unpack to, and what is in it. */
  readonly unpacked?: { readonly folder: string; readonly contents: string };
}

const keras = 'https://storage.googleapis.com/tensorflow/tf-keras-datasets';

/** Where the data sets' publishers, and Keras, keep them. Checksums are Keras's, or of the files that Keras fetches. */
export const catalogue = {
  cifar10: {
    title: 'CIFAR-10',
    unpacked: {
      folder: 'cifar-10-batches-bin',
      contents: 'data_batch_1.bin to data_batch_5.bin and test_batch.bin',
    },
    files: [
      {
        name: 'cifar-10-binary.tar.gz',
        url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
        sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
      },
    ],
  },
  mnist: {
    title: 'MNIST',
    files: [kerasFile('mnist.npz', '731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1')],
  },
  fashionMnist: {
    title: 'Fashion-MNIST',
    files: [
      kerasFile('train-images-idx3-ubyte.gz', '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84'),
      kerasFile('train-labels-idx1-ubyte.gz', 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845'),
      kerasFile('t10k-images-idx3-ubyte.gz', '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073'),
      kerasFile('t10k-labels-idx1-ubyte.gz', '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5'),
    ],
  },
  reuters: {
    title: 'Reuters newswires',
    files: [kerasFile('reuters.npz', 'd6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916')],
  },
  imdb: {
    title: 'IMDB reviews',
    files: [kerasFile('imdb.npz', '69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f')],
  },
} as const satisfies Readonly<Record<string, RemoteDataset>>;

export type RemoteName = keyof typeof catalogue;

function kerasFile(name: string, sha256: string): RemoteFile {
  return { name, url: `${keras}/${name}`, sha256 };
}

/** What a directory that is given in place of a download must hold. */
export function contentsOf({ unpacked, files }: RemoteDataset): string {
  return unpacked?.contents ?? files.map(({ name }) => name).join(', ');
}
