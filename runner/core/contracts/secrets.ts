/** Resolves secret names to values at the moment of use. */
export interface Secrets {
  /** @throws SECRET_MISSING, SECRET_STORE_EXPOSED, SECRET_FORBIDDEN, SECRET_UNAVAILABLE */
  get(name: string): Promise<string>;
}
