// Stands behind a script: joins what it exports to the contract.
import __efficlose_log from "efficlose:mapping/log@1.0.0";

var __efficlose = globalThis.__efficlose;
export { __efficlose as object };
// Here, where the script's own names are in sight and none of those below.
const __efficlose_exported = "@EXPORTS@";

{
  const DEFAULT = JSON.parse("@DEFAULT@");
  const FILE = "@FILE@";
  const USER = "componentize-qjs:user.js:";
  const LINES = "@LINES@";
  // How far what stands before the script moves its first line.
  const SHIFT = "@SHIFT@";
  const given = {};
  for (const name of ["fields", "columns", "custom", "writes", "filter", "pull", "push"]) given[name] = __efficlose_exported[name] ?? null;
  for (const name of ["pull", "push"]) given[name] = typeof given[name] === "function" ? given[name] : null;

  // A text that was cut through a letter can't leave the script as it is.
  const whole = (text) => (text === null ? null : String(text).toWellFormed());
  const problem = (message, at = null, hint = null) => ({ message: whole(message), at: whole(at), hint: whole(hint) });
  const refuse = (message, at, hint) => { throw problem(message, at, hint); };

  // What it needs

  const reads = () => {
    if (given.fields === null) return DEFAULT.reads;
    if (!Array.isArray(given.fields)) refuse("fields is not a list of names", "fields", "Write `export const fields = [\"Email\", \"Region__c?\"];`.");
    return given.fields.map((field) => {
      const text = whole(field);
      return text.endsWith("?") ? { path: text.slice(0, -1), optional: true } : { path: text, optional: false };
    });
  };

  const columnsOf = () => {
    // A script that names columns of its own has those alone beside the documented.
    const isOwn = (column) => column.name.startsWith("custom.");
    let list = given.custom === null ? DEFAULT.columns : DEFAULT.columns.filter((column) => !isOwn(column));
    if (given.columns !== null) {
      list = [...given.columns].map((name) => {
        const known = list.find((column) => column.name === name);
        return known ?? refuse(`a ${DEFAULT.kind} has no column ${name}${nearest(name, list)}`, "columns", "Name a column of its own in `custom`.");
      });
    }
    const own = Object.entries(given.custom ?? {}).map(([name, of]) => ({ name: whole(`custom.${name}`), of: String(of) }));
    const odd = own.find((column) => !TYPES.includes(column.of));
    if (odd) refuse(`"${odd.of}" is not the type of a column`, odd.name, `Write ${TYPES.join(", ")}.`);
    return [...list, ...own];
  };

  const writesOf = () => {
    if (given.writes === null) return DEFAULT.writes;
    const odd = Object.entries(given.writes).find(([, policy]) => !POLICIES.includes(policy));
    if (odd) refuse(`"${String(odd[1])}" is no policy`, odd[0], `Write ${POLICIES.join(", ")}.`);
    return Object.entries(given.writes).map(([field, policy]) => ({ field: whole(field), optional: true, policy }));
  };

  const nearest = (name, list) => {
    const far = (one, other) => {
      let row = Array.from({ length: other.length + 1 }, (_, n) => n);
      for (let i = 1; i <= one.length; i++) {
        const next = [i];
        for (let j = 1; j <= other.length; j++) {
          next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1));
        }
        row = next;
      }
      return row[other.length];
    };
    const best = list.map((one) => [far(String(name).slice(0, 60), one.name), one.name]).sort((a, b) => a[0] - b[0])[0];
    return best && best[0] <= 3 ? `; did you mean ${best[1]}?` : "";
  };

  let READS, COLUMNS, WRITES, KNOWN, TAKE;
  const TYPES = ["text", "integer", "number", "boolean", "date", "timestamp"];
  const POLICIES = ["fill-if-blank", "overwrite", "append", "ours-until-edited"];
  const configure = (settings) => {
    try {
      return configured(settings);
    } catch (error) {
      throw typeof error?.message === "string" && "hint" in error ? error : told(error);
    }
  };
  const configured = (settings) => {
    globalThis.settings = Object.freeze(Object.fromEntries(settings.map(({ name, value }) => [name, value])));
    READS = reads();
    COLUMNS = given.pull ? columnsOf() : [];
    WRITES = given.push ? writesOf() : [];
    KNOWN = new Set(COLUMNS.map((column) => column.name));
    TAKE = takenOut();
    if (!given.pull && !given.push) {
      refuse("the script exports neither pull nor push", null, "Write `export function pull(record) { … }` or `export function push(request) { … }`.");
    }
    if (given.push && WRITES.length === 0) {
      refuse("push may write nothing", "writes", "Write `export const writes = { Title: \"fill-if-blank\" };`.");
    }
    return {
      object: DEFAULT.object,
      kind: DEFAULT.kind,
      reads: given.pull ? READS : [],
      filter: given.filter === null ? DEFAULT.filter : whole(given.filter),
      columns: COLUMNS,
      writes: WRITES,
    };
  };

  // What went wrong

  const told = (error) => {
    try {
      const stack = typeof error?.stack === "string" ? error.stack : "";
      // The innermost place in the script itself.
      const places = stack.split(USER).slice(1).map((rest) => rest.match(/^\d+(:\d+)?/)?.[0]);
      const stands = (one) => {
        const [line, column] = one.split(":").map(Number);
        // What stands before the script is on its first line.
        if (line > LINES || (line === 1 && column <= SHIFT)) return null;
        return line === 1 && column ? `1:${column - SHIFT}` : one;
      };
      const place = places.filter(Boolean).map(stands).find(Boolean) ?? null;
      const message = error instanceof Error ? `${error.name === "Error" ? "" : `${error.name}: `}${error.message}` : `the script threw ${String(error)}`;
      return problem(message, place === null ? FILE : `${FILE}:${place}`);
    } catch {
      return problem("the script threw what can't be shown", FILE);
    }
  };

  class Skipped {
    constructor(reason) { this.reason = whole(reason ?? "the script skips it"); }
  }
  class Refused {
    constructor(...what) { this.problem = problem(...what); }
  }

  // Returns what `act` makes of each, in order. This is done for every record: what
  // can be worked out once is not done here.
  const outcomes = (all, act) => {
    const made = [];
    for (let nth = 0; nth < all.length; nth++) {
      try {
        made.push(act(all[nth]));
      } catch (error) {
        if (error instanceof Skipped) made.push({ tag: "skipped", val: error.reason });
        else made.push({ tag: "failed", val: error instanceof Refused ? error.problem : told(error) });
      }
    }
    return made;
  };

  // Pull

  // Values come and go as texts, in the forms that host/src/plugin/packed.rs tells of: one text
  // for a row costs as much as one value of it.
  const [SEPARATOR, MARK] = ["\x1f", "\x1e"];
  const NULL = { tag: "null" };
  const KINDS = { text: "t", boolean: "b", integer: "i", number: "f" };
  const marked = ({ tag, val }) => (tag === "null" ? "" : `${KINDS[tag]}${tag === "boolean" ? Number(val) : val}`);
  const unmarked = (part) => {
    if (part === "") return null;
    const rest = part.slice(1);
    return part[0] === "t" ? rest : part[0] === "b" ? rest === "1" : Number(rest);
  };
  const valued = (part, nth) => {
    const { of } = COLUMNS[nth];
    if (part === "") return NULL;
    if (of === "boolean") return { tag: of, val: part === "1" };
    return of === "integer" || of === "number" ? { tag: of, val: Number(part) } : { tag: "text", val: whole(part) };
  };

  // Returns a function that makes a record of a row: written out for what is read, so that a
  // record is one literal. A name that is not read is an error: a slip would look like an
  // empty field.
  const recordOf = (columns) => {
    const unknown = new Proxy({}, {
      get(_, name) {
        if (typeof name !== "string" || name === "then" || name === "toJSON" || name in Object.prototype) return Object.prototype[name];
        const list = READS.map((need) => ({ name: need.path }));
        throw new Error(`the record has no ${name}: it is not in fields${nearest(name, list)}`);
      },
      has: () => false,
    });
    const literal = (paths) => {
      const own = ["__proto__: unknown"];
      const parents = new Map();
      for (const [path, place] of paths) {
        const [first, ...rest] = path.split(".");
        if (rest.length === 0) {
          own.push(`${JSON.stringify(first)}: ${place < 0 ? "null" : columns[place][0] === MARK ? `unmarked(row[${place}])` : `row[${place}] || null`}`);
        } else {
          if (!parents.has(first)) parents.set(first, []);
          parents.get(first).push([rest.join("."), place]);
        }
      }
      for (const [name, below] of parents) own.push(`${JSON.stringify(name)}: ${literal(below)}`);
      return `{ ${own.join(", ")} }`;
    };
    const place = (path) => columns.findIndex((name) => name === path || name === `${MARK}${path}`);
    const paths = READS.map((need) => [need.path, place(need.path)]);
    return new Function("unknown", "unmarked", `return (row) => (${literal(paths)})`)(unknown, unmarked);
  };

  const NOTHING = Object.freeze({});
  const fits = {
    text: (value) => (typeof value === "string" ? value : value instanceof Date ? value.toISOString() : typeof value === "object" ? undefined : String(value)),
    integer: (value) => (Number.isSafeInteger(value) ? value : undefined),
    number: (value) => (typeof value === "number" && Number.isFinite(value) ? value : undefined),
    boolean: (value) => (typeof value === "boolean" ? value : undefined),
    date: (value) => {
      const text = value instanceof Date ? value.toISOString().slice(0, 10) : value;
      return typeof text === "string" && /^\d{4}-\d\d-\d\d$/.test(text) ? text : undefined;
    },
    timestamp: (value) => {
      const text = value instanceof Date ? value.toISOString() : value;
      return typeof text === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d.*[Z\d]$/.test(text) ? text : undefined;
    },
  };

  // Returns a function that takes the columns' values out of what a script made: written
  // out for these columns, which takes a third of the time of a loop over them.
  const takenOut = () => {
    const one = ({ name, of }, nth) => {
      const [plain, own] = [name, name.startsWith("custom.") ? name.slice(7) : null].map((key) => JSON.stringify(key));
      const value = own === "null" ? `made[${plain}]` : `made[${plain}] ?? custom[${own}]`;
      const text = of === "text" ? `typeof value === "string" ? value : ` : "";
      return `(value = ${value}) === undefined ? "" : (found++, ${text}fitted(${nth}, value))`;
    };
    const write = `let value, found = 0; const row = [${COLUMNS.map(one).join(", ")}]; if (found !== count) checked(made, custom); return row;`;
    return new Function("fitted", "checked", `return (made, custom, count) => { ${write} }`)(fitted, checked);
  };
  const fitted = (nth, value) => {
    if (value === null || value === "") return "";
    const { name, of } = COLUMNS[nth];
    const fit = fits[of](value);
    if (fit === undefined) throw new Refused(`the value of ${name} is no ${of}`, name);
    return String(of === "boolean" ? Number(fit) : fit);
  };
  // Refuses what stands under a name that is no column.
  const checked = (made, custom) => {
    for (const name in made) {
      if (name === "custom" || KNOWN.has(name)) continue;
      if (DEFAULT.columns.some((column) => column.name === name)) throw new Refused(`the column ${name} is not in columns`, name, "List it in `export const columns = [ … ]`.");
      throw new Refused(`a ${DEFAULT.kind} has no column ${name}${nearest(name, COLUMNS)}`, name, "Name a column of its own in `export const custom = { … }` and return it in `custom`.");
    }
    for (const name in custom) {
      if (KNOWN.has(`custom.${name}`)) continue;
      throw new Refused(`the column custom.${name} is not declared`, name, "List it in `export const custom = { … }`.");
    }
  };

  const isPlain = (made) => Object.getPrototypeOf(made) === Object.prototype;

  // Returns what a script made as a row.
  const entity = (made) => {
    if (made === undefined) throw new Refused("pull returns nothing; to leave a record out, call skip(\"why\")", FILE);
    if (made === null) throw new Skipped("the script returns null for it");
    if (typeof made !== "object") throw new Refused(`pull returns a ${typeof made}, not an entity`, FILE);
    if (typeof made.then === "function") throw new Refused("pull is async, and a mapping has nothing to wait for", FILE);
    const given = made.custom;
    const custom = typeof given !== "object" || given === null ? NOTHING : given;
    // What is inherited is no key of its own, and so can't be counted.
    const count = isPlain(made) && isPlain(custom) ? Object.keys(made).length - ("custom" in made ? 1 : 0) + Object.keys(custom).length : -1;
    return TAKE(made, custom, count);
  };

  // Push

  const extras = (list, into) => {
    for (const { name, json } of list) if (!(name in into)) into[name] = JSON.parse(json);
    return into;
  };
  const person = (one) => extras(one.extras, { name: one.name, email: one.email });
  const matched = (one) => {
    const fields = {};
    for (const { name, value } of one.fields) fields[name] = value.tag === "null" ? null : value.val;
    return { object: one.object, id: one.id, fields };
  };
  const request = (one) => {
    const { meeting, actionItem, target } = one;
    return {
      now: one.now,
      meeting: extras(meeting.extras, {
        id: meeting.id,
        title: meeting.title,
        started_at: meeting.startedAt,
        ended_at: meeting.endedAt,
        url: meeting.url,
        organizer: meeting.organizer ? person(meeting.organizer) : null,
        participants: meeting.participants.map(person),
        summary: meeting.summary,
        insights: meeting.insights.map((insight) => extras(insight.extras, { kind: insight.kind, text: insight.text })),
      }),
      action_item: actionItem
        ? extras(actionItem.extras, { id: actionItem.id, text: actionItem.text, owner_email: actionItem.ownerEmail, due_on: actionItem.dueOn, done: actionItem.done })
        : null,
      target: target ? matched(target) : null,
      matches: Object.fromEntries(one.matches.map((match) => [match.object, matched(match)])),
    };
  };

  const written = (made) => {
    if (made === undefined) throw new Refused("push returns nothing; to write nothing, call skip(\"why\")", FILE);
    if (made === null) throw new Skipped("the script writes nothing");
    if (typeof made !== "object") throw new Refused(`push returns a ${typeof made}, not fields to write`, FILE);
    if (typeof made.then === "function") throw new Refused("push is async, and a mapping has nothing to wait for", FILE);
    const list = [];
    for (const name in made) {
      if (!WRITES.some((write) => write.field === name)) {
        throw new Refused(`the script writes ${name}, which it does not list`, name, "List it in `export const writes = { … }` with how to treat a value that is there.");
      }
      const value = made[name];
      if (value === undefined) continue;
      const kind = value === null ? "null" : typeof value;
      const tag = { null: "null", string: "text", boolean: "boolean", number: Number.isInteger(value) ? "integer" : "number" }[kind];
      if (tag === undefined) throw new Refused(`the value of ${name} is a ${kind}`, name);
      list.push({ name, value: tag === "null" ? NULL : { tag, val: tag === "text" ? whole(value) : value } });
    }
    return { tag: "mapped", val: list };
  };

  Object.assign(__efficlose, {
    Skipped,
    ready: true,
    log(level, words) {
      if (!__efficlose.ready) return;
      const text = words.map((word) => (typeof word === "string" ? word : JSON.stringify(word) ?? String(word))).join(" ");
      __efficlose_log.write(level, whole(text));
    },
    configure,
    pull({ columns, rows }) {
      const isPacked = columns[0] === SEPARATOR;
      const record = recordOf(isPacked ? columns.slice(1) : columns.map((name) => `${MARK}${name}`));
      const pull = given.pull;
      const mapped = isPacked
        ? (row) => [{ tag: "text", val: whole(entity(pull(record(row[0].val.split(SEPARATOR)))).join(SEPARATOR)) }]
        : (row) => entity(pull(record(row.map(marked)))).map(valued);
      return outcomes(rows, (row) => ({ tag: "mapped", val: mapped(row) }));
    },
    push: (requests) => outcomes(requests, (one) => written(given.push(request(one)))),
  });
}
