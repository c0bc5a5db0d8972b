#!/usr/bin/env bash
# Holds a running server against its own OpenAPI document with generated requests.
#
#   scripts/schemathesis.sh URL TOKEN
#
# TOKEN is an API token with the scope admin. The server has to be one for tests that can be thrown away: missions,
# workspaces and tokens are made and removed, and the made-up prompts of missions are run. EXAMPLES sets how many
# requests are made up for each operation.
set -euo pipefail

readonly VERSION=4.32.5
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root
if [[ $# -ne 2 ]]; then
    echo "usage: scripts/schemathesis.sh URL TOKEN" >&2
    exit 2
fi
readonly url=${1%/} token=$2 venv="$root/target/venv" work="$root/target/schemathesis"

if [[ ! -x "$venv/bin/python" ]]; then
    python3 -m venv "$venv"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$VERSION"

# Without the Idempotency-Key: made-up keys are mostly the same few, so that most requests would only be told that
# their key was used before. host/api/tests/api/idempotency.rs is about it.
mkdir -p "$work"
cd "$work"
"$venv/bin/python" - "$url/api/v1/openapi.json" openapi.json <<'PYTHON'
import json
import sys
import urllib.request

with urllib.request.urlopen(sys.argv[1]) as response:
    document = json.load(response)
for item in document["paths"].values():
    for operation in item.values():
        parameters = operation.get("parameters", [])
        operation["parameters"] = [known for known in parameters if known["name"] != "Idempotency-Key"]
with open(sys.argv[2], "w") as file:
    json.dump(document, file)
PYTHON

# Left out:
#   paths ending in /stream     an event stream never ends, so a generated request would wait for its time to run out;
#                               host/api/tests/api/streams.rs is about them
#   exec, output, attach, log   they go on as long as the process does; tests/tests/processes.rs is about them
#   connect                     a WebSocket; tests/tests/ports is about it
#   auth/login, auth/logout     failed logins are slowed down, so that the run would do nothing but wait
#   plugins/{id}/reload         compiles plugins, hundreds of times
#   backup                      writes a copy of the database each time
#   positive_data_acceptance    a cursor, an end in the past and the settings of a harness can be right by the document
#                               and still be wrong: the server answers 400, as the document says
exec "$venv/bin/schemathesis" run openapi.json \
    --url "$url" \
    --header "Authorization: Bearer $token" \
    --checks all \
    --exclude-checks positive_data_acceptance \
    --exclude-path-regex '/stream$|/auth/log(in|out)$|/reload$|/backup$|/exec$|/output$|/attach$|/connect$|/log$' \
    --max-examples "${EXAMPLES:-50}" \
    --request-timeout 30 \
    --seed 1 \
    --no-color
