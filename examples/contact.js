// A mapping of Contact as a script: put it into use with
//   efficlose mapping preview examples/contact.js
//   efficlose mapping use examples/contact.js

// What is read of each record; a field that the org may lack ends in "?".
export const fields = ["FirstName", "LastName", "Email", "Phone?", "Title?", "Account.Name?", "Region__c?"];

// Columns of one's own, with their types. The others are in docs/entities.md.
export const custom = { region: "text", is_decision_maker: "boolean" };

// What may be written back, and how a value that is there already is treated:
// fill-if-blank, overwrite, append, ours-until-edited.
export const writes = { Title: "fill-if-blank", Description: "append" };

// From Salesforce to the platform: one record in, one entity out.
export function pull(record) {
  if (!record.Email) skip("nobody can be invited without an address");
  return {
    name: [record.FirstName, record.LastName].filter(Boolean).join(" "),
    first_name: record.FirstName,
    last_name: record.LastName,
    email: record.Email.trim().toLowerCase(),
    phone: record.Phone,
    title: record.Title,
    company: record.Account.Name,
    custom: {
      region: record.Region__c ?? "unknown",
      is_decision_maker: /\b(chief|vp|head|director)\b/i.test(record.Title ?? ""),
    },
  };
}

// From a meeting to Salesforce: what is to be written on the record.
export function push(request) {
  const { meeting, target, matches } = request;
  const risks = meeting.insights.filter((insight) => insight.kind === "risk");
  if (risks.length === 0) skip("no risk was named");
  // The person it is about, with what was read of them.
  const person = matches.Contact?.id === target.id ? matches.Contact.fields : {};
  const role = meeting.participants.find((one) => one.email === person.Email)?.role;
  return {
    Title: role,
    Description: `Risks from ${meeting.title} (${meeting.started_on})\n` + risks.map((risk) => `- ${risk.text}`).join("\n"),
  };
}
