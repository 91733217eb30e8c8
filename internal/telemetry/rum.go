package telemetry

import "slices"

// rumMeter counts what browsers report.
type rumMeter struct {
	requests, reports, exposed *counter
	verdicts, results          []string
}

func newRUMMeter(list byName) *rumMeter {
	return &rumMeter{
		requests: list.counter("cors.rum.requests").announce(),
		reports:  list.counter("cors.rum.reports").announce(),
		exposed:  list.counter("cors.rum.exposed_missing").announce(),
		verdicts: list.labels("cors.rum.requests")[0].Values,
		results:  list.labels("cors.rum.reports")[0].Values,
	}
}

// Report counts a report by what became of it. An unknown word is not counted.
func (t *Telemetry) Report(result string) {
	if i := slices.Index(t.rum.results, result); i >= 0 {
		t.rum.reports.add(i, 1)
	}
}

// Requests counts n requests of pages with one verdict. An unknown one is not counted.
func (t *Telemetry) Requests(verdict string, credentials bool, n int) {
	i := slices.Index(t.rum.verdicts, verdict)
	if i < 0 || n <= 0 {
		return
	}
	place := 2 * i // the labels are verdict, then credentials: true, false
	if !credentials {
		place++
	}
	t.rum.requests.add(place, int64(n))
}

// ExposedMissing counts n responses that lacked a header which the page expects to read.
func (t *Telemetry) ExposedMissing(n int) {
	if n > 0 {
		t.rum.exposed.add(0, int64(n))
	}
}
