/** What all stores of files say of themselves to people. */
import type { FilesAbout } from '../core/contracts/about.ts';

const TEXT_TYPES = [
  { source: 'whole numbers of 64 bits', type: 'INT64', notes: 'a zero in front makes a column `STRING`: it is a name' },
  { source: 'numbers of up to 17 digits', type: 'FLOAT64' },
  { source: 'true, false', type: 'BOOL' },
  { source: '2026-11-23', type: 'DATE' },
  { source: '2026-11-23 10:00:00', type: 'DATETIME' },
  { source: '2026-11-23T10:00:00Z', type: 'TIMESTAMP' },
  { source: 'all else', type: 'STRING' },
] as const;

export const filesAbout: FilesAbout = {
  objects:
    'Objects whose names begin with `prefix` and whose rest fits `match` (`*`, `**`, `?`, `{a,b}`, `[0-9]`). A transactional load reads each version of an object once: what was loaded is in `_files`, written in the same transaction as the rows. An object that changed is loaded again as a new version: `merge` updates its rows, `append` adds them. Each run compares the list with `_files` as far back as `overlap`. Objects younger than `settleFor` wait for the next run. An object that is gone is told as a warning and in `gone` of `run --json`; its rows stay. A catalog load reads all objects. Columns more: `_file` (URI), `_modified_at`, and with `hive: true` the folders `name=value`.',
  formats: [
    {
      name: 'CSV',
      reading:
        'Unpacked (`.gz`, `.zst`, `.zip` of one member), decoded and cut into pieces of some megabytes while it arrives; DuckDB reads each piece. Columns go by the names of the header, file by file. Types come from the first megabyte of the eight newest and two oldest files; a value that does not fit, and a row that cannot be cut into columns, goes to quarantine with file and line.',
      types: [...TEXT_TYPES],
    },
    {
      name: 'JSON',
      reading:
        'One object a line, or one array of objects, which is cut into lines while it arrives. Names come from the same sample; what appears later becomes a column at the end of the run. A line that is no object goes to quarantine.',
      types: [
        { source: 'whole numbers', type: 'INT64' },
        { source: 'numbers', type: 'FLOAT64', notes: 'NUMERIC or BIGNUMERIC by `columns.types`, with all digits' },
        { source: 'true, false', type: 'BOOL' },
        { source: 'texts that are all dates or times', type: 'DATE, DATETIME, TIMESTAMP' },
        { source: 'texts', type: 'STRING' },
        { source: 'objects, arrays, mixed values', type: 'JSON' },
      ],
    },
    {
      name: 'Parquet',
      reading:
        'The schema is read from the ends of the files. To be read a file lies in the temporary folder of the runner, one at a time with the next one being fetched.',
      types: [
        { source: 'INT8 to INT64, UINT8 to UINT32', type: 'INT64' },
        { source: 'UINT64', type: 'NUMERIC(20,0)' },
        { source: 'FLOAT, DOUBLE', type: 'FLOAT64' },
        { source: 'DECIMAL(p,s)', type: 'NUMERIC(p,s) or BIGNUMERIC(p,s)' },
        { source: 'BOOLEAN', type: 'BOOL' },
        { source: 'BYTE_ARRAY', type: 'BYTES' },
        { source: 'DATE', type: 'DATE' },
        { source: 'TIME', type: 'TIME' },
        { source: 'TIMESTAMP', type: 'TIMESTAMP, DATETIME where not adjusted to UTC' },
        { source: 'lists, structs, maps', type: 'JSON' },
        { source: 'all else', type: 'STRING' },
      ],
    },
  ],
  limits: [
    'A number of JSON with a fraction or an exponent is a double, of about 17 digits; so are those in a `JSON` column, at any depth. A column that `columns.types` makes NUMERIC, BIGNUMERIC or STRING has all digits. A whole number has them always; its `-0` is 0.',
    'Of several rows with one key in one file, any one is kept by `merge`: a file has no order of its own.',
    'Beyond one machine (`execution.mode`) the objects are dealt out to splits by their sizes, each at the version that was listed. One object stays whole: of CSV only who reads it from its beginning knows which line breaks are quoted. Deliver large ones in parts.',
    'Where the temporary folder is memory, as on Cloud Run, a Parquet file has to fit into it twice.',
    'A quote that nothing closes takes the rows up to the next quote, or 16 MB, into quarantine with it.',
    'Archives past 4 GB, encrypted ones, and ZIP with several members are refused.',
    'An object that is not listed within `overlap` of the newest one is not loaded.',
  ],
};
