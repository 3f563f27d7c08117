// A mapping of Opportunity that a customer could have written as a component in JavaScript:
// the contract itself, wit/v1/mapping.wit, with nothing between. Most are better served by
// a script, such as examples/contact.js; this is for those who want the whole of it.
//
// Build it with `efficlose plugin build examples/javascript-opportunity`.
import log from "efficlose:mapping/log@1.0.0";

// Which field of Salesforce becomes which column, in order.
const FIELDS = [
  ["name", "Name", "text"],
  ["stage", "StageName", "text"],
  ["amount", "Amount", "number"],
  ["close_on", "CloseDate", "date"],
  ["company", "Account.Name", "text"],
];
const NULL = { tag: "null" };

// The smallest amount that is imported, by the setting `smallest_amount`.
let smallest = 0;

function configure(settings) {
  for (const { name, value } of settings) {
    smallest = Number(value);
    if (name !== "smallest_amount" || !(smallest >= 0)) {
      throw { message: `${name} = ${value} is no smallest_amount`, at: name, hint: "Give a number such as 1000." };
    }
  }
  return {
    object: "Opportunity",
    kind: "deal",
    reads: FIELDS.map(([, path]) => ({ path, optional: false })),
    filter: null,
    columns: FIELDS.map(([name, , of]) => ({ name, of })),
    writes: [{ field: "NextStep", optional: true, policy: "fill-if-blank" }],
  };
}

function pull({ columns, rows }) {
  const places = FIELDS.map(([, path]) => columns.indexOf(path));
  const outcomes = rows.map((row) => {
    const values = places.map((place) => (place < 0 ? NULL : row[place]));
    const amount = values[2].tag === "null" ? 0 : Number(values[2].val);
    if (amount < smallest) return { tag: "skipped", val: `the amount is below ${smallest}` };
    values[2] = { tag: "number", val: amount };
    return { tag: "mapped", val: values };
  });
  const skipped = outcomes.filter(({ tag }) => tag === "skipped").length;
  if (skipped > 0) log.write("info", `${skipped} of ${rows.length} are too small`);
  return outcomes;
}

function push(requests) {
  return requests.map(({ meeting }) => {
    const next = meeting.insights.find(({ kind }) => kind === "next_step");
    if (!next) return { tag: "skipped", val: "no next step was named" };
    return { tag: "mapped", val: [{ name: "NextStep", value: { tag: "text", val: next.text.slice(0, 255).toWellFormed() } }] };
  });
}

export const object = { configure, pull, push };
