// Stands before every script, on its first line: nothing tells it the time, and nothing is random.
Math.random = () => { throw new Error("a mapping has no randomness, so that it does the same in a preview and in a run"); };
{
  const Clock = Date;
  const none = () => { throw new Error("a mapping has no clock; push is told the time of the run as request.now"); };
  Object.defineProperty(Clock, "now", { value: none });
  Object.defineProperty(globalThis, "performance", { value: Object.freeze({ now: none, get timeOrigin() { return none(); } }) });
  globalThis.Date = new Proxy(Clock, {
    construct: (clock, of, as) => (of.length === 0 ? none() : Reflect.construct(clock, of, as)),
    apply: none,
  });
  Object.defineProperty(Clock.prototype, "constructor", { value: globalThis.Date });
}
