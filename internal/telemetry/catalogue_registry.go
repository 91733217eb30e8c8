package telemetry

// registryMetrics are about the documents in force.
func registryMetrics() []Metric {
	return []Metric{
		{
			Name: "cors.policy.rejected", Unit: "{document}", Help: "Documents that were not put in force; the last good one stayed.",
			Labels: []Label{label("cors.reject.reason", "invalid", "older_revision", "host_conflict", "held_back", "missing", "unreadable", "over_budget")},
		},
		{
			Name: "cors.policy.changes", Unit: "{change}", Help: "Changes of tenants that this process put in force.",
			Labels: []Label{label("cors.change", "create", "update", "delete")},
		},
		{
			Name: "cors.policy.dangerous", Kind: Gauge, Unit: "{tenant}", Help: "Tenants whose policies allow every origin, or have a refusal lifted.",
			Labels: []Label{label("cors.danger", "any_origin", "any_origin_with_credentials", "insecure_origins_with_credentials", "public_suffix_wildcards")},
		},
		{
			Name: "cors.tenants", Kind: Gauge, Unit: "{tenant}", Help: "Tenants in memory, by how well they are known.",
			Labels: []Label{label("cors.policy.source", "live", "stale", "disk", "expired")},
		},
		{Name: "cors.policy.generation", Kind: Gauge, Help: "The last change that was taken: its time in milliseconds since 1970."},
		{Name: "cors.policy.oldest.age", Kind: Gauge, Unit: "s", Help: "Age of the least recently confirmed document in force."},
		{
			Name: "cors.cache.entries", Kind: Gauge, Unit: "{entry}", Help: "Entries of the local copy.",
			Labels: []Label{label("cors.cache.segment", "live", "negative")},
		},
	}
}

// storeMetrics are about the registry in Redis and the copy of it. A process with tenants in files has none of them.
func storeMetrics() []Metric {
	return []Metric{
		{Name: "cors.store.up", Kind: Gauge, Help: "1 while the store answers."},
		{Name: "cors.store.epoch_mismatch", Kind: Gauge, Help: "1 while the store is not the registry that it was, and nothing it says counts."},
		{Name: "cors.mass_change.held", Kind: Gauge, Help: "1 while a mass change waits for an operator."},
		{Name: "cors.store.regressions", Unit: "{document}", Help: "Documents of an older revision than the one in force."},
		{Name: "cors.store.integrity_errors", Unit: "{error}", Help: "Hosts and documents in the store that contradict each other."},
		{
			Name: "cors.store.loads", Unit: "{load}", Help: "Loads of tenants that were not in memory, and lookups of those too old.",
			Labels: []Label{label("cors.load.result", "unknown", "refused", "overdue", "failed", "expired")},
		},
		{Name: "cors.follower.lag", Kind: Gauge, Unit: "s", Help: "Time since no change had been missed."},
		{Name: "cors.follower.resyncs", Unit: "{resync}", Help: "Times that everything was read again."},
		{Name: "cors.snapshot.age", Kind: Gauge, Unit: "s", Help: "Time since the backup on disk was last written."},
		{Name: "cors.clock.offset", Kind: Gauge, Unit: "s", Help: "How far the store's clock is ahead of the machine's."},
		{
			Name: "cors.usage.flushes", Unit: "{flush}", Help: "Batches of last uses of entries that were sent to the store.",
			Labels: []Label{label("cors.flush.result", "ok", "failed")},
		},
		{
			Name: "db.client.operation.duration", Kind: Histogram, Unit: "s", Help: "Commands and pipelines sent to the store.",
			Labels: []Label{label("db.system.name", "redis"), {Key: "db.operation.name"}, {Key: "error.type"}},
			Bounds: []float64{1e-3, 5e-3, 25e-3, 100e-3, 250e-3}, Most: maxOperations,
		},
	}
}

// rumMetrics are about what browsers report.
func rumMetrics() []Metric {
	return []Metric{
		{
			Name: "cors.rum.requests", Unit: "{request}", Help: "Requests of pages, as browsers report them.",
			Labels: []Label{label("cors.rum.verdict", "ok", "cors_blocked", "network", "unknown"), label("cors.rum.credentials", "true", "false")},
		},
		{
			Name: "cors.rum.reports", Unit: "{report}", Help: "Reports of browsers, by what became of them.",
			Labels: []Label{label("cors.rum.result", "accepted", "limited", "invalid", "unverified", "oversize")},
		},
		{Name: "cors.rum.exposed_missing", Unit: "{response}", Help: "Responses that lacked a header that the page expects to read."},
		{Name: "cors.rum.networks", Kind: Gauge, Unit: "{network}", Help: "Distinct networks that reported blocked requests in the last 10 minutes, about."},
	}
}

// processMetrics are about the process.
func processMetrics() []Metric {
	return []Metric{
		{Name: "cors.build.info", Kind: Gauge, Help: "1, with the version.", Labels: []Label{{Key: "version"}}, Most: 1},
		{
			Name: "cors.stall", Kind: Histogram, Unit: "s", Help: "How late a timer of 100 ms fires: pauses of the process.",
			Bounds: []float64{1e-3, 5e-3, 10e-3, 50e-3, 100e-3, 500e-3},
		},
		{Name: "process.resident_memory", Kind: Gauge, Unit: "By", Help: "Resident memory."},
		{Name: "process.cpu", Unit: "s", Help: "Processor time used."},
		{Name: "go.memory.limit", Kind: Gauge, Unit: "By", Help: "Memory that the Go runtime may use."},
		{Name: "go.goroutines", Kind: Gauge, Help: "Goroutines."},
		{Name: "go.gc.cpu", Unit: "s", Help: "Processor time that the garbage collector took, as the Go runtime estimates it."},
	}
}
