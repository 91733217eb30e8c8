// Package faults breaks a real Redis in the ways that docs/faults.md lists, F60 to F83, and watches what the copy of it
// decides meanwhile, and how it recovers. Where a mitigation can be switched off, a control shows that the row fails
// without it.
package faults
