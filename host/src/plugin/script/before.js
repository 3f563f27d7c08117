// Stands before a script, on its first line: what a script finds when it begins.
globalThis.__efficlose = {};
globalThis.console = (() => {
  const say = (level) => (...words) => __efficlose.log(level, words);
  return { debug: say("debug"), log: say("info"), info: say("info"), warn: say("warn"), error: say("error") };
})();
globalThis.skip = (reason) => { throw new __efficlose.Skipped(reason); };
Math.random = () => { throw new Error("a mapping has no randomness, so that it does the same in a preview and in a run"); };
{
  const Clock = Date;
  const none = () => { throw new Error("a mapping has no clock; push is told the time of the run as request.now"); };
  globalThis.Date = class Date extends Clock {
    constructor(...of) { if (of.length === 0) none(); super(...of); }
    static now() { none(); }
  };
}
