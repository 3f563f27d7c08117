"""Drives the sandbox org with simple-salesforce and asserts what comes back.

Its environment says where: SANDBOX holds the greeting as JSON.
"""

import csv
import io
import json
import os
from datetime import datetime, timezone
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound

GREETING = json.loads(os.environ["SANDBOX"])


class ToSandbox(HTTPAdapter):
    """Sends every request to the sandbox; the library knows no plain http."""

    def send(self, request, **kwargs):
        parts = urlsplit(request.url)
        request.url = parts._replace(scheme="http", netloc=urlsplit(GREETING["url"]).netloc).geturl()
        return super().send(request, **kwargs)


def login():
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", ToSandbox())
    org = Salesforce(
        consumer_key=GREETING["client_id"],
        consumer_secret=GREETING["client_secret"],
        domain="invented",
        session=session,
        version="66.0",
    )
    assert org.session_id.startswith("00D"), org.session_id
    return org


def queries(org):
    headers = {"Sforce-Query-Options": "batchSize=200"}
    first = org.query("SELECT Id, Name, Account.Name FROM Contact", headers=headers)
    assert (first["totalSize"], first["done"], len(first["records"])) == (450, False, 200)
    second = org.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert (second["done"], len(second["records"])) == (False, 200)
    whole = org.query_all("SELECT Id FROM Contact", headers=headers)
    assert len({record["Id"] for record in whole["records"]}) == 450
    grouped = org.query("SELECT COUNT(Id) n, Status FROM Lead GROUP BY Status")
    assert sum(record["n"] for record in grouped["records"]) == 100
    try:
        org.query("SELECT Nothing__c FROM Contact")
        raise AssertionError("an unknown field was not refused")
    except SalesforceMalformedRequest as error:
        assert error.content[0]["errorCode"] == "INVALID_FIELD", error.content


def records(org):
    created = org.Contact.create({"LastName": "O'Hara", "FirstName": "Zoë"})
    assert created["success"] and created["errors"] == [], created
    assert org.Contact.get(created["id"])["Name"] == "Zoë O'Hara"
    assert org.Contact.update(created["id"], {"FirstName": None, "Title": "CEO"}) == 204
    read = org.Contact.get(created["id"])
    assert (read["FirstName"], read["Title"]) == (None, "CEO")
    assert org.Contact.upsert("External_Id__c/py-1", {"LastName": "Key"}) == 201
    assert org.Contact.upsert("External_Id__c/py-1", {"LastName": "Kay"}) == 200
    assert org.Contact.get_by_custom_id("External_Id__c", "py-1")["LastName"] == "Kay"
    assert org.Contact.delete(created["id"]) == 204
    try:
        org.Contact.get(created["id"])
        raise AssertionError("a deleted record was shown")
    except SalesforceResourceNotFound as error:
        assert error.content[0]["errorCode"] == "ENTITY_IS_DELETED", error.content
    start = datetime(2026, 11, 24, 11, tzinfo=timezone.utc)
    end = datetime(2026, 11, 24, 13, tzinfo=timezone.utc)
    gone = org.Contact.deleted(start, end)
    assert created["id"] in [record["id"] for record in gone["deletedRecords"]], gone
    assert org.Contact.updated(start, end)["latestDateCovered"]


def collections(org):
    rows = [{"attributes": {"type": "Lead"}, "LastName": "A", "Company": "C"}, {"attributes": {"type": "Lead"}}]
    results = org.restful(
        "composite/sobjects", method="POST", json={"allOrNone": False, "records": rows}
    )
    assert [result["success"] for result in results] == [True, False], results
    assert results[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"


def bulk(org):
    rows = [
        {"External_Id__c": "py-2", "LastName": 'Bulk "A"', "Title": "CEO"},
        {"External_Id__c": "py-3", "LastName": "", "Title": ""},
    ]
    upsert = {"external_id_field": "External_Id__c", "wait": 0.01}
    result = org.bulk2.Contact.upsert(records=rows, **upsert)[0]
    assert (result["numberRecordsProcessed"], result["numberRecordsFailed"]) == (2, 1), result
    failed = org.bulk2.Contact.get_failed_records(result["job_id"])
    assert "REQUIRED_FIELD_MISSING:" in failed, failed
    done = list(csv.DictReader(io.StringIO(org.bulk2.Contact.get_successful_records(result["job_id"]))))
    assert [(row["sf__Created"], row["LastName"]) for row in done] == [("true", 'Bulk "A"')], done
    clear = [{"External_Id__c": "py-2", "LastName": "", "Title": "#N/A"}]
    org.bulk2.Contact.upsert(records=clear, **upsert)
    soql = "SELECT Id, LastName, Title FROM Contact WHERE External_Id__c = 'py-2'"
    pages = list(org.bulk2.Contact.query(soql, wait=0.01))
    read = list(csv.DictReader(io.StringIO(pages[0])))
    assert read == [{"Id": done[0]["sf__Id"], "LastName": 'Bulk "A"', "Title": ""}], read
    pages = list(org.bulk2.Lead.query("SELECT Id FROM Lead", max_records=40, wait=0.01))
    assert [len(page.splitlines()) - 1 for page in pages] == [40, 40, 21], pages


def descriptions(org):
    assert any(thing["name"] == "Task" for thing in org.describe()["sobjects"])
    fields = {field["name"]: field for field in org.Contact.describe()["fields"]}
    assert (fields["Email"]["type"], fields["LastName"]["nillable"]) == ("email", False)
    assert org.limits()["DailyApiRequests"]["Max"] == 15000
    assert org.api_usage["api-usage"].total == 15000, org.api_usage


if __name__ == "__main__":
    connected = login()
    queries(connected)
    records(connected)
    collections(connected)
    bulk(connected)
    descriptions(connected)
