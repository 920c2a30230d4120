#!/bin/sh
# The demonstration: reviews a copy of examples/packages.xlsx against the real package index.
# usage: examples/demo.sh BIN, the folder that holds the command ihacpa
set -u
ihacpa=$1/ihacpa
mkdir -p .demo

echo "== advisories"
if ! "$ihacpa" advisories update; then
  if "$ihacpa" advisories status >/dev/null 2>&1; then
    echo "Not all of the public data can be reached; going on with what is here."
    "$ihacpa" advisories status
  else
    echo "The public advisories cannot be reached; taking the sample set of this project, which is partial."
    "$ihacpa" advisories import examples/advisories || exit 1
  fi
fi

echo "== review"
"$ihacpa"
code=$?
case $code in
  0) echo "== ihacpa ended with 0: complete" ;;
  3) echo "== ihacpa ended with 3: complete, but some rows could not be checked in full" ;;
  *) echo "== ihacpa ended with $code"; exit "$code" ;;
esac
echo "== the result: packages-reviewed.xlsx"
