/** Loaded before a program by `--import`: its time of day is wrong by TRIBUTARY_TEST_SKEW_MS. Timers and `performance` are right. */
const skewMs = Number(process.env.TRIBUTARY_TEST_SKEW_MS ?? 0);
const Real = Date;
const now = () => Real.now() + skewMs;

globalThis.Date = new Proxy(Real, {
  construct: (real, given, as) => Reflect.construct(real, given.length === 0 ? [now()] : given, as) as object,
  apply: () => new Real(now()).toString(),
  get: (real, key) => (key === 'now' ? now : Reflect.get(real, key)),
});
