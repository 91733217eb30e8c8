// Package report writes what check finds in tenant documents: as text for
// people, as JSON for programs, and as SARIF 2.1.0 for code review tools, which
// show each finding beside its line.
package report
