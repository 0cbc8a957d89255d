/** One JSON array of any size as lines of its elements, while it streams. */
const [QUOTE, BACKSLASH, COMMA, OPEN, CLOSE, BEGIN, END, LF] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d, 0x0a];
const SPACE = 0x20;

/** What begins with `[` becomes one element a line; other text passes as it is. */
export async function* elementsAsLines(text: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let state: ArrayState | null | undefined;
  for await (const chunk of text) {
    if (state === undefined) {
      const first = chunk.find((byte) => byte > SPACE);
      if (first === undefined) continue;
      state = first === OPEN ? { depth: 0, text: false, escaped: false } : null;
    }
    if (state === null) yield chunk;
    else yield rewritten(chunk, state);
  }
  if (state) yield Uint8Array.of(LF);
}

interface ArrayState {
  depth: number;
  text: boolean;
  escaped: boolean;
}

/** Brackets of the array itself become spaces, commas between its elements line ends, line ends inside them spaces. */
function rewritten(chunk: Uint8Array, state: ArrayState): Uint8Array {
  const bytes = Uint8Array.from(chunk);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (state.text) {
      if (state.escaped) state.escaped = false;
      else if (byte === BACKSLASH) state.escaped = true;
      else if (byte === QUOTE) state.text = false;
    } else if (byte === QUOTE) state.text = true;
    else if (byte === OPEN || byte === BEGIN) {
      if (state.depth === 0) bytes[i] = SPACE;
      state.depth += 1;
    } else if (byte === CLOSE || byte === END) {
      state.depth -= 1;
      if (state.depth === 0) bytes[i] = SPACE;
    } else if (byte === COMMA && state.depth === 1) bytes[i] = LF;
    else if (byte === LF) bytes[i] = SPACE;
  }
  return bytes;
}
