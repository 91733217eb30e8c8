// Package rules reads Prometheus rule files and says which metrics and labels an expression uses. Tests
// hold rules and dashboards against what the programs really export with it; it is no parser of PromQL.
package rules
