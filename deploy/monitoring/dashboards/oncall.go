package dashboards

import "strings"

// OnCall answers: who is hurt, since when, by what.
func OnCall() Dashboard {
	return Dashboard{
		UID: "corsgate-oncall", Title: "corsgate / on-call",
		Description: "Who is hurt, since when, by what. Blue marks are changes of documents; `corsgate tenant history` says whose.",
		Variables:   []Variable{tierVariable()},
		Rows: []Row{
			{"Service level", serviceLevel()},
			{"Envoy", envoySide()},
			{"Documents", documents()},
			{"Who is refused", refused()},
			{"Latency and processes", latency()},
			{"Probes", probes()},
		},
	}
}

func tierVariable() Variable {
	return Variable{Name: "tier", Title: "Tier", Query: "label_values(cors_decisions_total, cors_tenant_tier)"}
}

// burning are the lines at which the alerts of burning budgets begin.
func burning() []Limit { return []Limit{{1, "yellow"}, {6, "orange"}, {14.4, "red"}} }

// errorBudget is what the objective of decisions leaves: 99.95 %.
const errorBudget = "0.0005"

func serviceLevel() []Panel {
	return []Panel{
		{
			ID: 1, Title: "Burn rate of decisions", Kind: TimeSeries, Unit: "short", Width: 12, Height: 8, Limits: burning(),
			Description: "How many times faster than permitted the budget of failed decisions is used. At 1 it lasts 30 days, at 14.4 two. Two windows over a line page.",
			Queries: []Query{
				{Expr: "cors:decision_bad:ratio_rate5m / " + errorBudget, Legend: "5 minutes"},
				{Expr: "cors:decision_bad:ratio_rate1h / " + errorBudget, Legend: "1 hour"},
				{Expr: "cors:decision_bad:ratio_rate6h / " + errorBudget, Legend: "6 hours"},
			},
		},
		{
			ID: 2, Title: "Failed decisions by cause", Kind: TimeSeries, Unit: "reqps", Width: 12, Height: 8, Stack: true,
			Description: "What we answered with a closed answer because we failed, by reason, and the calls of Envoy that never got an answer. Only these burn the budget.",
			Queries: []Query{
				{Expr: `sum by (cors_reason) (rate(cors_decisions_total{cors_outcome="error"}[$__rate_interval]))`, Legend: "{{cors_reason}}"},
				{Expr: envoySum("streams_failed"), Legend: "Envoy: call failed"},
				{Expr: envoySum("message_timeouts"), Legend: "Envoy: time-out"},
			},
		},
		{
			ID: 3, Title: "Decisions by phase and outcome", Kind: TimeSeries, Unit: "reqps", Width: 12, Height: 8,
			Description: "All decisions of the chosen tiers. Denied is by policy, error is our failure.",
			Queries: []Query{{
				Expr:   `sum by (cors_phase, cors_outcome) (rate(cors_decisions_total{cors_tenant_tier=~"$tier"}[$__rate_interval]))`,
				Legend: "{{cors_phase}} {{cors_outcome}}",
			}},
		},
		{
			ID: 4, Title: "Why requests are denied", Kind: TimeSeries, Unit: "reqps", Width: 12, Height: 8, Stack: true,
			Description: "Denials and failures of the chosen tiers by reason. The reasons are those of corsgate explain.",
			Queries: []Query{{
				Expr:   `sum by (cors_reason) (rate(cors_decisions_total{cors_outcome=~"denied|error",cors_tenant_tier=~"$tier"}[$__rate_interval]))`,
				Legend: "{{cors_reason}}",
			}},
		},
	}
}

// envoySum is a counter of Envoy's calls, all kinds together.
func envoySum(counter string) string {
	var kinds []string
	for _, call := range []string{"preflight", "actual", "actual_closed"} {
		kinds = append(kinds, "(sum(rate(envoy_http_ext_proc_"+call+"_"+counter+"[$__rate_interval])) or vector(0))")
	}
	return strings.Join(kinds, " + ")
}

func envoySide() []Panel {
	return []Panel{
		{
			ID: 10, Title: "Calls of Envoy", Kind: TimeSeries, Unit: "reqps", Width: 6, Height: 8,
			Description: "Calls that began, failed, or timed out, and requests that passed undecided. Nothing here: Envoy is not scraped.",
			Queries: []Query{
				{Expr: envoySum("streams_started"), Legend: "began"},
				{Expr: envoySum("streams_failed"), Legend: "failed"},
				{Expr: envoySum("message_timeouts"), Legend: "timed out"},
				{Expr: `sum(rate(envoy_http_ext_proc_preflight_streams_started[$__rate_interval]))`, Legend: "preflights began"},
			},
		},
		{
			ID: 11, Title: "Passed undecided", Kind: TimeSeries, Unit: "percentunit", Width: 6, Height: 8, Limits: []Limit{{0.01, "red"}},
			Description: "Share of the calls for requests that need no decision to go on, after which Envoy let them pass without one. In design C such requests lose every CORS header; in A and B with --fail-open they keep the application's.",
			Queries: []Query{{
				Expr: "sum(rate(envoy_http_ext_proc_actual_failure_mode_allowed[5m])) / " +
					"(sum(rate(envoy_http_ext_proc_actual_streams_started[5m])) + sum(rate(envoy_http_ext_proc_actual_failure_mode_allowed[5m])))",
				Legend: "undecided",
			}},
		},
		{
			ID: 12, Title: "Processes as Envoy sees them", Kind: TimeSeries, Unit: "short", Width: 6, Height: 8,
			Description: "Healthy processes of the cluster named corsgate, those there should be, and those that Envoy has ejected for failing; summed over all Envoys.",
			Queries: []Query{
				{Expr: `sum(envoy_cluster_membership_healthy{envoy_cluster_name="corsgate"})`, Legend: "healthy"},
				{Expr: `sum(envoy_cluster_membership_total{envoy_cluster_name="corsgate"})`, Legend: "all"},
				{Expr: `sum(envoy_cluster_outlier_detection_ejections_active{envoy_cluster_name="corsgate"})`, Legend: "ejected"},
			},
		},
		{
			ID: 13, Title: "Preflights at the edge", Kind: TimeSeries, Unit: "percentunit", Width: 6, Height: 8, Limits: []Limit{{0.01, "yellow"}, {0.144, "red"}},
			Description: "Share of the preflights that took Envoy longer than 200 ms, its own answers included.",
			Queries: []Query{
				{Expr: "cors:preflight_slow:ratio_rate5m", Legend: "5 minutes"},
				{Expr: "cors:preflight_slow:ratio_rate1h", Legend: "1 hour"},
				{Expr: "cors:preflight_slow:ratio_rate6h", Legend: "6 hours"},
			},
		},
	}
}

func probes() []Panel {
	return []Panel{
		{
			ID: 50, Title: "Probes", Kind: States, Unit: "short", Width: 12, Height: 12,
			Description: "Every case on both paths; red when it fails on every prober.",
			Queries:     []Query{{Expr: "max by (cors_probe_case, cors_probe_path) (cors_probe_success)", Legend: "{{cors_probe_case}} {{cors_probe_path}}"}},
		},
		{
			ID: 51, Title: "Succeeds directly, fails through the edge", Kind: TimeSeries, Unit: "short", Width: 6, Height: 12, Limits: []Limit{{1, "red"}},
			Description: "How much better a case does directly than through the edge: above 0 the edge loses or changes headers.",
			Queries: []Query{{
				Expr: `min by (cors_probe_case) (avg_over_time(cors_probe_success{cors_probe_path="direct"}[5m]))` +
					` - max by (cors_probe_case) (avg_over_time(cors_probe_success{cors_probe_path="edge"}[5m]))`,
				Legend: "{{cors_probe_case}}",
			}},
		},
		{
			ID: 52, Title: "Time since the last probe", Kind: TimeSeries, Unit: "s", Width: 6, Height: 12, Limits: []Limit{{600, "red"}},
			Description: "Grows when the probes do not run, or their results do not arrive.",
			Queries:     []Query{{Expr: "time() - max(cors_probe_last_run_timestamp_seconds)", Legend: "age"}},
		},
	}
}
