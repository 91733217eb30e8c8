package probe

import "time"

// Verdict is how a case ended.
type Verdict string

// The verdicts.
const (
	// Pass is a right answer.
	Pass Verdict = "pass"
	// Fail is a wrong answer.
	Fail Verdict = "fail"
	// Unasked is no answer at all: nothing is known of CORS.
	Unasked Verdict = "unasked"
	// Skip is a case that does not apply.
	Skip Verdict = "skip"
)

// Report is what one run found. Its JSON form is public.
type Report struct {
	Version string         `json:"version"`
	At      time.Time      `json:"at"`
	Counts  Counts         `json:"counts"`
	Targets []TargetReport `json:"targets"`
}

// Counts are those of cases by verdict, on all paths.
type Counts struct {
	Pass    int `json:"pass"`
	Fail    int `json:"fail"`
	Unasked int `json:"unasked"`
	Skip    int `json:"skip"`
}

// TargetReport is about one endpoint.
type TargetReport struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	Direct string `json:"direct,omitempty"`
	// Expected names what the answers were held against.
	Expected string `json:"expected,omitempty"`
	// Error says why nothing could be asked.
	Error string       `json:"error,omitempty"`
	Cases []CaseReport `json:"cases"`
}

// CaseReport is one case on one path.
type CaseReport struct {
	Case    Name    `json:"case"`
	Path    Path    `json:"path"`
	Verdict Verdict `json:"verdict"`
	// Reason says why it was skipped or could not be asked.
	Reason   string    `json:"reason,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	// Differences are those from the direct answers; only on the edge.
	Differences []Difference `json:"differences,omitempty"`
	Requests    int          `json:"requests"`
	// The first request, which also connects: seconds.
	Connect   float64 `json:"connect_seconds"`
	TLS       float64 `json:"tls_seconds"`
	FirstByte float64 `json:"first_byte_seconds"`
	Duration  float64 `json:"duration_seconds"`
	// Propagation is set by that case only.
	Propagation *Propagated `json:"propagation,omitempty"`
}

// Finding is one thing that is wrong with an answer.
type Finding struct {
	Rule    string `json:"rule"`
	Request string `json:"request"`
	Want    string `json:"want"`
	Got     string `json:"got"`
	// Curl asks the same again.
	Curl string `json:"curl"`
}

// Difference is a header in which the answers of the two paths differ.
type Difference struct {
	Request string `json:"request"`
	Header  string `json:"header"`
	Direct  string `json:"direct"`
	Edge    string `json:"edge"`
}

// Propagated is how long the edge took to follow the registry: seconds, or the bound when it did not.
type Propagated struct {
	Allow  float64 `json:"allow_seconds"`
	Revoke float64 `json:"revoke_seconds"`
}

func (r *Report) count() {
	r.Counts = Counts{}
	for _, t := range r.Targets {
		for i := range t.Cases {
			switch t.Cases[i].Verdict {
			case Pass:
				r.Counts.Pass++
			case Fail:
				r.Counts.Fail++
			case Unasked:
				r.Counts.Unasked++
			case Skip:
				r.Counts.Skip++
			}
		}
	}
}

// report ends a case.
func (c *check) report() CaseReport {
	r := CaseReport{Case: c.Name, Path: c.client.way.path, Requests: len(c.asked), Findings: c.findings, Verdict: Pass}
	switch {
	case len(c.findings) > 0:
		r.Verdict = Fail
	case c.unasked != nil:
		r.Verdict = Unasked
	case c.skipped != "":
		r.Verdict, r.Reason = Skip, c.skipped
	}
	if c.unasked != nil {
		r.Reason = printable(c.unasked.Error())
	}
	if len(c.asked) > 0 {
		t := c.asked[0].answer.timing
		r.Connect, r.TLS, r.FirstByte, r.Duration = t.Connect.Seconds(), t.TLS.Seconds(), t.FirstByte.Seconds(), t.Total.Seconds()
	}
	return r
}
