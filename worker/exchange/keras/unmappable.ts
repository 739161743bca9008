/** What a layer's configuration says that the other library has no equal for. Completes "layer NAME: …". */
export class Unmappable extends Error {
  override readonly name = 'Unmappable';
}
