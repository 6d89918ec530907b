"""A pretend DfE to run attsync against, and a made-up school to send for. Needs the packages of `attsync[demo]`.

judge.py      what the DfE finds wrong with a message
faults.py     answers that go wrong on purpose
store.py      what was received, in a small SQLite file
sign_in.py    POST /oauth/token, and who a token belongs to
dfe.py        the web application that puts these together
server.py     serves it over TLS on 127.0.0.1
made_up.py    a primary school's database
folder.py     settings, secrets, certificate and school in one folder
"""
