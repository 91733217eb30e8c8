// Package document makes a [tenant.Record] of the text of a tenant document, YAML or JSON, and
// writes documents. It reports every problem of a text with its place, a stable code and, where
// there is one, what to write instead, and advises about what is legal and risky.
//
// Rule numbers in comments are those of docs/rules.md.
package document
