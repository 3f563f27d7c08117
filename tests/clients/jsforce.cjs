// Drives the sandbox org with jsforce and asserts what comes back.
// Its environment says where: SANDBOX holds the greeting as JSON.
"use strict";

const assert = require("node:assert/strict");
const { Connection } = require("jsforce");

const greeting = JSON.parse(process.env.SANDBOX);
const oauth2 = {
  loginUrl: greeting.login_url,
  clientId: greeting.client_id,
  clientSecret: greeting.client_secret,
};

async function login() {
  const connection = new Connection({
    version: "66.0",
    instanceUrl: greeting.url,
    accessToken: "00D000000000000!expired",
    refreshToken: greeting.refresh_token,
    oauth2,
  });
  const refreshed = [];
  connection.on("refresh", (token) => refreshed.push(token));
  const identity = await connection.identity();
  assert.equal(refreshed.length, 1, "a dead token is refreshed once");
  assert.match(identity.organization_id, /^00D.{15}$/);
  const versions = await connection.request("/services/data");
  assert.equal(versions.at(-1).version, "68.0");
  return connection;
}

async function queries(connection) {
  const first = await connection.query("SELECT Id, Name, Account.Name FROM Contact", {
    headers: { "Sforce-Query-Options": "batchSize=200" },
  });
  assert.deepEqual([first.totalSize, first.done, first.records.length], [450, false, 200]);
  const second = await connection.queryMore(first.nextRecordsUrl);
  const third = await connection.queryMore(second.nextRecordsUrl);
  assert.deepEqual([second.records.length, third.records.length, third.done], [200, 50, true]);
  const ids = [first, second, third].flatMap((page) => page.records.map((record) => record.Id));
  assert.equal(new Set(ids).size, 450);
  const count = await connection.query("SELECT COUNT() FROM Contact");
  assert.equal(count.totalSize, 450);
  const found = await connection.sobject("Contact").find({ Id: ids[7] }, ["Id", "LastName"]);
  assert.equal(found[0].Id, ids[7]);
  await assert.rejects(connection.query("SELECT Nothing__c FROM Contact"), { errorCode: "INVALID_FIELD" });
}

async function records(connection) {
  const contacts = connection.sobject("Contact");
  const created = await contacts.create({ LastName: "O'Hara", FirstName: "Zoë", Email: "zoe@example.com" });
  assert.deepEqual([created.success, created.errors], [true, []]);
  assert.equal((await contacts.retrieve(created.id)).Name, "Zoë O'Hara");
  await contacts.update({ Id: created.id, FirstName: null, Title: "CEO" });
  const read = await contacts.retrieve(created.id);
  assert.deepEqual([read.FirstName, read.Title], [null, "CEO"]);
  await assert.rejects(contacts.create({ FirstName: "A" }), { errorCode: "REQUIRED_FIELD_MISSING" });
  const key = "External_Id__c";
  const first = await contacts.upsert({ [key]: "k é", LastName: "Key" }, key);
  const again = await contacts.upsert({ [key]: "k é", LastName: "Kay" }, key);
  assert.equal(first.created, true);
  assert.equal((await contacts.retrieve(`${key}/${encodeURIComponent("k é")}`)).LastName, "Kay");
  assert.equal(again.success, true);
  const rows = await contacts.create([{ LastName: "One" }, { Title: "Nobody" }, { LastName: "Three" }]);
  assert.deepEqual(rows.map((row) => row.success), [true, false, true]);
  assert.equal(rows[1].errors[0].statusCode, "REQUIRED_FIELD_MISSING");
  const changed = await contacts.update([{ Id: rows[0].id, Title: "A" }, { Id: rows[2].id, Title: "B" }]);
  assert.ok(changed.every((row) => row.success));
  const read2 = await contacts.retrieve([rows[0].id, rows[2].id]);
  assert.deepEqual(read2.map((record) => record.Title), ["A", "B"]);
  const deleted = await contacts.destroy([rows[0].id, rows[2].id]);
  assert.ok(deleted.every((row) => row.success));
  const start = new Date(Date.parse("2026-11-24T11:00:00Z"));
  const end = new Date(Date.parse("2026-11-24T13:00:00Z"));
  const gone = await contacts.deleted(start, end);
  assert.deepEqual(
    gone.deletedRecords.map((record) => record.id).sort(),
    [rows[0].id, rows[2].id].sort(),
  );
  assert.ok((await contacts.updated(start, end)).ids.includes(created.id));
}

async function composite(connection) {
  const answer = await connection.requestPost("/services/data/v66.0/composite", {
    allOrNone: true,
    compositeRequest: [
      { method: "POST", url: "/services/data/v66.0/sobjects/Account", referenceId: "a", body: { Name: "Ref" } },
      {
        method: "POST",
        url: "/services/data/v66.0/sobjects/Contact",
        referenceId: "c",
        body: { LastName: "Ref", AccountId: "@{a.id}" },
      },
    ],
  });
  assert.deepEqual(answer.compositeResponse.map((part) => part.httpStatusCode), [201, 201]);
}

async function bulk(connection) {
  const input = [
    { LastName: 'Bulk "A",\nline', External_Id__c: "bulk-1" },
    { LastName: "", External_Id__c: "bulk-2" },
  ];
  const options = { object: "Contact", operation: "insert", pollInterval: 5, pollTimeout: 10000 };
  const loaded = await connection.bulk2.loadAndWaitForResults({ ...options, input });
  assert.equal(loaded.successfulResults.length, 1);
  assert.equal(loaded.successfulResults[0].sf__Created, "true");
  assert.match(loaded.failedResults[0].sf__Error, /^REQUIRED_FIELD_MISSING:/);
  assert.equal(loaded.unprocessedRecords.length, 0);
  const read = await connection.bulk2.query(
    "SELECT Id, LastName, Title, CreatedDate FROM Contact WHERE External_Id__c = 'bulk-1'",
    { pollInterval: 5, pollTimeout: 10000 },
  );
  const rows = await read.toArray();
  assert.deepEqual(rows.map((row) => [row.Id, row.LastName, row.Title]), [
    [loaded.successfulResults[0].sf__Id, 'Bulk "A",\nline', ""],
  ]);
  const all = await connection.bulk2.query("SELECT Id FROM Lead", { pollInterval: 5, pollTimeout: 10000 });
  assert.equal((await all.toArray()).length, 100);
}

async function descriptions(connection) {
  const global = await connection.describeGlobal();
  assert.ok(global.sobjects.some((object) => object.name === "Opportunity"));
  const contact = await connection.describe("Contact");
  const email = contact.fields.find((field) => field.name === "Email");
  assert.deepEqual([email.type, email.length, email.idLookup], ["email", 80, true]);
  const limits = await connection.limits();
  assert.equal(limits.DailyApiRequests.Max, 15000);
  assert.equal(connection.limitInfo.apiUsage.limit, 15000);
}

async function main() {
  const connection = await login();
  await queries(connection);
  await records(connection);
  await composite(connection);
  await bulk(connection);
  await descriptions(connection);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
