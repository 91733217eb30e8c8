package rum

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of a beacon. The module in rum/ keeps to them.
const (
	// maxBody is the most bytes of a beacon that are read.
	maxBody = 2048
	// maxReports is the most APIs that one beacon speaks of.
	maxReports = 8
	// maxCount is the most requests that one number may stand for.
	maxCount = 1000
	// maxAPI is the longest API origin: a scheme, a host name and a port.
	maxAPI = len("https://") + 253 + len(":65535")
	// version of the format.
	version = 1
)

// beacon is what a page sends, at most once a minute.
type beacon struct {
	Version int      `json:"v"`
	Key     string   `json:"key"`
	Reports []report `json:"reports"`
}

// report is what a page saw of one API.
type report struct {
	// API is the origin that the requests went to.
	API string `json:"api"`
	// Plain and Credentials count requests without and with credentials.
	Plain       counts `json:"plain"`
	Credentials counts `json:"credentials"`
	// ExposedMissing counts responses without a header that the page was told to expect.
	ExposedMissing int `json:"exposed_missing"`
}

// counts are numbers of requests by verdict.
type counts struct {
	OK          int `json:"ok"`
	CORSBlocked int `json:"cors_blocked"`
	Network     int `json:"network"`
	Unknown     int `json:"unknown"`
}

// parse reads a beacon; anything that the module would not send is an error.
func parse(body []byte) (beacon, error) {
	var b beacon
	if len(body) > maxBody {
		return b, errors.New("reading a beacon: too long")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil {
		return b, fmt.Errorf("reading a beacon: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return b, errors.New("reading a beacon: more than one value")
	}
	return b, b.check()
}

func (b *beacon) check() error {
	switch {
	case b.Version != version:
		return fmt.Errorf("a beacon of version %d", b.Version)
	case len(b.Reports) == 0 || len(b.Reports) > maxReports:
		return fmt.Errorf("a beacon of %d reports", len(b.Reports))
	}
	for i := range b.Reports {
		if err := b.Reports[i].check(); err != nil {
			return err
		}
		for j := range i {
			if b.Reports[j].API == b.Reports[i].API {
				return errors.New("two reports of one API")
			}
		}
	}
	return nil
}

func (r *report) check() error {
	if authorityOf(r.API) == "" {
		return errors.New("the API is no origin")
	}
	for _, n := range [...]int{
		r.Plain.OK, r.Plain.CORSBlocked, r.Plain.Network, r.Plain.Unknown,
		r.Credentials.OK, r.Credentials.CORSBlocked, r.Credentials.Network, r.Credentials.Unknown, r.ExposedMissing,
	} {
		if n < 0 || n > maxCount {
			return fmt.Errorf("a count of %d", n)
		}
	}
	return nil
}

// authorityOf is host[:port] of a web origin, or "". Whether it names a host is for the registry.
func authorityOf(api string) string {
	scheme, authority, _ := strings.Cut(api, "://")
	if len(api) > maxAPI || scheme != "https" && scheme != "http" {
		return ""
	}
	if strings.ContainsFunc(authority, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("/\\?#@", r) }) {
		return ""
	}
	return authority
}
