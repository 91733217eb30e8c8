#!/bin/sh
# Looks for known vulnerabilities in what the program calls, the standard library of the toolchain in go.mod included. The
# database is the module golang.org/x/vulndb, which is indexed here, so that nothing but the module proxy is asked.
# usage: tools/govulncheck.sh
set -eu

root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# It reads what the toolchain of the module compiles, so that one has to build it.
GOTOOLCHAIN=$(go env GOVERSION)
export GOTOOLCHAIN GOBIN="$work"

cd "$work"
vulndb=golang.org/x/vulndb@latest # old news is no news
database=$(go mod download -json "$vulndb" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
go install golang.org/x/vulndb/cmd/indexdb@latest
go install golang.org/x/vuln/cmd/govulncheck@v1.9.0
./indexdb -vulns "$database/data/osv" -out db
cd "$root"
"$work/govulncheck" -db "file://$work/db" ./cmd/...
