// Package faults breaks a real Redis in the ways of the fault matrix and watches
// what the copy of it decides meanwhile, and how it recovers. Rows R1 to R19 are
// here; those of files and disks (R21 to R24) and of clocks (R29) are tests of
// the packages that deal with them. Where a mitigation can be switched off, a control shows that
// the row fails without it.
package faults
