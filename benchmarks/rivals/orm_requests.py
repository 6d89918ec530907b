"""A rival: rows as objects of SQLAlchemy's ORM, counted in Python, sent with one session of requests."""

import json
import sys
from collections import Counter, defaultdict
from datetime import date

import requests
from sqlalchemy import create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

with open(sys.argv[1], encoding="utf-8") as file:
    job = json.load(file)


class Base(DeclarativeBase):
    pass


class Mark(Base):
    __tablename__ = "roll_call_marks"
    school: Mapped[int]
    pupil_id: Mapped[int] = mapped_column(primary_key=True)
    mark_date: Mapped[date] = mapped_column(primary_key=True)
    session: Mapped[str] = mapped_column(primary_key=True)
    year_group: Mapped[str]
    mark: Mapped[str]


class Enrolment(Base):
    __tablename__ = "enrolments"
    school: Mapped[int]
    pupil_id: Mapped[int] = mapped_column(primary_key=True)
    year_group: Mapped[str]
    entry_date: Mapped[date]
    leaving_date: Mapped[date | None]


first, last = date.fromisoformat(job["days"][0]), date.fromisoformat(job["days"][-1])
groups = job["year_groups"]
counts = defaultdict(Counter)
with Session(create_engine(job["sqlalchemy_url"])) as session:
    for mark in session.scalars(
        select(Mark).where(Mark.mark_date.between(first, last)).execution_options(yield_per=5000)
    ):
        code = mark.mark
        if code == "PRES":
            code = "/" if mark.session == "AM" else "\\"
        counts[mark.school, mark.mark_date][groups[mark.year_group], mark.session, code] += 1
    enrolments = defaultdict(list)
    for enrolment in session.scalars(select(Enrolment)):
        enrolments[enrolment.school].append(enrolment)

with requests.Session() as web:
    web.verify = job["ca"]
    token = web.post(
        job["token_url"],
        data={"grant_type": "client_credentials", "client_id": job["client_id"], "client_secret": job["secret"]},
    ).json()["access_token"]
    web.headers["Authorization"] = f"Bearer {token}"
    for (school, day), found in sorted(counts.items()):
        roll = Counter(
            groups[e.year_group]
            for e in enrolments[school]
            if e.entry_date <= day and (e.leaving_date is None or e.leaving_date >= day)
        )
        cells = defaultdict(list)
        for (group, session_name, code), number in found.items():
            cells[group, session_name].append({"attendanceCode": code, "value": number})
        answer = web.post(
            f"{job['base_url']}/attendances",
            json={
                "urn": job["schools"][str(school)],
                "totalNoOfPupils": roll.total(),
                "yearGroups": [{"ncYearGroup": group, "noOfPupils": number} for group, number in roll.items()],
                "submissionData": [
                    {
                        "ncYearGroup": group,
                        "date": f"{day}T00:00:00",
                        "schoolSession": session_name,
                        "attendances": attendances,
                    }
                    for (group, session_name), attendances in cells.items()
                ],
            },
        )
        if answer.status_code != 201 or answer.json()[0]["errors"]:
            sys.exit(f"{school} {day}: {answer.status_code}")
