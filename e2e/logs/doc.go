// Package logs shows that the process goes on, and ends in time, when nobody reads its log, when the reader is gone, and when
// signals come that it has no use for: rows F10 to F19 of docs/faults.md. A control runs the same parts with a log that is written
// directly, and shows where they stand still, or that the process dies.
package logs
