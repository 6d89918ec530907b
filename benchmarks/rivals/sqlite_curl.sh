#!/bin/sh
# A rival: the sqlite3 shell writes the bodies, curl sends them, one process a request. SQLite only.
# From the environment: DATABASE, SCHOOL (column, or 0), FIRST_URN, FIRST, LAST, BASE_URL, TOKEN_URL, CA, CLIENT_ID, SECRET
set -eu

token=$(curl --silent --fail --cacert "$CA" "$TOKEN_URL" --data grant_type=client_credentials \
  --data-urlencode "client_id=$CLIENT_ID" --data-urlencode "client_secret=$SECRET" |
  sed 's/.*"access_token": *"\([^"]*\)".*/\1/')

sqlite3 -readonly "$DATABASE" "
WITH counted AS (
  SELECT $SCHOOL AS school, mark_date AS day, session,
         CASE year_group WHEN 'Reception' THEN 'R' ELSE replace(year_group, 'Year ', '') END AS grp,
         CASE WHEN mark <> 'PRES' THEN mark WHEN session = 'AM' THEN '/' ELSE char(92) END AS code, count(*) AS number
  FROM roll_call_marks WHERE mark_date >= '$FIRST' AND mark_date <= '$LAST' GROUP BY 1, 2, 3, 4, 5
), cell AS (
  SELECT school, day, json_object('ncYearGroup', grp, 'date', day || 'T00:00:00', 'schoolSession', session,
         'attendances', json_group_array(json_object('attendanceCode', code, 'value', number))) AS item
  FROM counted GROUP BY school, day, session, grp
), message AS (
  SELECT school, day, json_group_array(json(item)) AS items FROM cell GROUP BY school, day
), roll AS (
  SELECT $SCHOOL AS school, d.day, CASE year_group WHEN 'Reception' THEN 'R' ELSE replace(year_group, 'Year ', '') END AS grp,
         count(*) AS number
  FROM enrolments, (SELECT DISTINCT day FROM message) AS d
  WHERE entry_date <= d.day AND (leaving_date IS NULL OR leaving_date >= d.day) GROUP BY 1, 2, 3
), rolls AS (
  SELECT school, day, sum(number) AS total, json_group_array(json_object('ncYearGroup', grp, 'noOfPupils', number)) AS groups
  FROM roll GROUP BY school, day
)
SELECT json_object('urn', $FIRST_URN + school, 'totalNoOfPupils', total, 'yearGroups', json(groups),
                   'submissionData', json(items))
FROM message JOIN rolls USING (school, day)
" | while IFS= read -r body; do
  printf %s "$body" | curl --silent --fail --cacert "$CA" --output /dev/null --header "Authorization: Bearer $token" \
    --header "Content-Type: application/json" --data-binary @- "$BASE_URL/attendances"
done
