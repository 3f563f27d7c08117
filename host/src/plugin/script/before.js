// Stands before a script, on its first line: what a script finds when it begins.
globalThis.__efficlose = { log() {} };
globalThis.console = (() => {
  const say = (level) => (...words) => globalThis.__efficlose.log(level, words);
  return { debug: say("debug"), log: say("info"), info: say("info"), warn: say("warn"), error: say("error") };
})();
globalThis.skip = (reason) => { throw new globalThis.__efficlose.Skipped(reason); };
