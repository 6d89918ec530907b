"""A rival: the script that a technician would write with pandas and requests."""

import json
import sys

import pandas as pd
import requests
from sqlalchemy import create_engine

with open(sys.argv[1], encoding="utf-8") as file:
    job = json.load(file)

engine = create_engine(job["sqlalchemy_url"])
window = {"first": job["days"][0], "last": job["days"][-1]}
school = "school" if len(job["schools"]) > 1 else "0 AS school"
marks = pd.read_sql(
    f"SELECT {school}, mark_date, session, year_group, mark FROM roll_call_marks"
    f" WHERE mark_date >= '{window['first']}' AND mark_date <= '{window['last']}'",
    engine,
)
roll = pd.read_sql(f"SELECT {school}, year_group, entry_date, leaving_date FROM enrolments", engine)

for column in (marks, roll):
    column["year_group"] = column["year_group"].map(job["year_groups"])
    column["urn"] = column["school"].astype(str).map(job["schools"])
marks["date"] = marks["mark_date"].astype(str)
present = marks["mark"] == "PRES"
marks.loc[present, "mark"] = marks.loc[present, "session"].map({"AM": "/", "PM": "\\"})
roll["entry_date"] = pd.to_datetime(roll["entry_date"])
roll["leaving_date"] = pd.to_datetime(roll["leaving_date"])

token = requests.post(
    job["token_url"],
    data={"grant_type": "client_credentials", "client_id": job["client_id"], "client_secret": job["secret"]},
    verify=job["ca"],
    timeout=30,
).json()["access_token"]

counts = marks.groupby(["urn", "date", "year_group", "session", "mark"]).size().reset_index(name="value")
on_roll_by_date = {}
for (urn, date), day in counts.groupby(["urn", "date"]):
    if date not in on_roll_by_date:
        at = pd.Timestamp(date)
        here = roll[(roll["entry_date"] <= at) & (roll["leaving_date"].isna() | (roll["leaving_date"] >= at))]
        on_roll_by_date[date] = here.groupby(["urn", "year_group"]).size()
    on_roll = on_roll_by_date[date][urn]
    answer = requests.post(
        f"{job['base_url']}/attendances",
        json={
            "urn": int(urn),
            "totalNoOfPupils": int(on_roll.sum()),
            "yearGroups": [{"ncYearGroup": group, "noOfPupils": int(number)} for group, number in on_roll.items()],
            "submissionData": [
                {
                    "ncYearGroup": group,
                    "date": f"{date}T00:00:00",
                    "schoolSession": session,
                    "attendances": [
                        {"attendanceCode": code, "value": int(value)}
                        for code, value in zip(cell["mark"], cell["value"], strict=True)
                    ],
                }
                for (group, session), cell in day.groupby(["year_group", "session"])
            ],
        },
        headers={"Authorization": f"Bearer {token}"},
        verify=job["ca"],
        timeout=30,
    )
    if answer.status_code != 201 or answer.json()[0]["errors"]:
        sys.exit(f"{urn} {date}: {answer.status_code}")
