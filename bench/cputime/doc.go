// Package cputime says how long processes have had a processor, in nanoseconds: what a benchmark can compare on a
// machine that others use too.
package cputime
