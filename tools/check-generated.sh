#!/bin/sh
# Fails if a generated file is not what its source gives, or has no source any
# more, and if a go.mod or go.sum is not tidy. Compares with a fresh copy, so an uncommitted change is no obstacle.
# usage: tools/check-generated.sh BUF
set -eu

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
tools/generate.sh "$1" "$fresh"

stale=0
check() { # file: is it the same in both places?
	if ! diff -u "$1" "$fresh/$1"; then
		stale=1
	fi
}
for file in $(cd "$fresh" && find . -type f | sort); do
	check "$file"
done
for file in $(find proto -name '*.pb.go' | sort) $(find deploy/helm/corsgate/files -type f | sort); do
	[ -e "$fresh/$file" ] || check "$file"
done
go mod tidy -diff || stale=1
go -C bench mod tidy -diff || stale=1
if [ "$stale" -ne 0 ]; then
	echo "generated files are not current: run make generate and go mod tidy" >&2
	exit 1
fi
