#!/bin/sh
# Plays the recordings against the server of a model; UAMGSCOPE says how the program is started.
set -eu
cd "$(dirname "$0")"
model=${1:-model.yaml}
: "${UAMGSCOPE:=uamgscope}"
exec $UAMGSCOPE test recordings \
  --server "exec $UAMGSCOPE serve --model $model --listen 127.0.0.1:0 --password tester:secret" \
  --user tester --password tester:secret --color never
