package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/corsgate/corsgate/policy"
)

// document mirrors the fields of a tenant document that decide. It is a second,
// simple reading of design and field names, used by the run through policy only:
// the other runs give the raw document to the real loader.
type document struct {
	ID     string         `json:"id"`
	Hosts  []string       `json:"hosts"`
	Mode   string         `json:"mode"`
	Policy policyDocument `json:"policy"`
	Routes []struct {
		PathPrefix string         `json:"path_prefix"`
		Policy     policyDocument `json:"policy"`
	} `json:"routes"`
}

type policyDocument struct {
	Origins          []string `json:"origins"`
	TemporaryOrigins []struct {
		Origin    string    `json:"origin"`
		ExpiresAt time.Time `json:"expires_at"`
		Note      string    `json:"note"`
	} `json:"temporary_origins"`
	Methods              []string          `json:"methods"`
	RequestHeaders       []string          `json:"request_headers"`
	ExposeHeaders        []string          `json:"expose_headers"`
	Credentials          bool              `json:"credentials"`
	MaxAge               string            `json:"max_age"`
	UpstreamHeaders      string            `json:"upstream_headers"`
	DeniedRequests       string            `json:"denied_requests"`
	Preflight            preflightDocument `json:"preflight"`
	Websockets           string            `json:"websockets"`
	PrivateNetworkAccess bool              `json:"private_network_access"`
	TimingAllowOrigin    bool              `json:"timing_allow_origin"`
	DangerouslyAllow     []string          `json:"dangerously_allow"`
}

type preflightDocument struct {
	SuccessStatus int       `json:"success_status"`
	DeniedStatus  int       `json:"denied_status"`
	Disclosure    string    `json:"disclosure"`
	ExposeHeaders bool      `json:"expose_headers"`
	DebugUntil    time.Time `json:"debug_until"`
}

// Mode returns the mode of a tenant document: ENFORCE, SHADOW or OFF.
func Mode(tenant json.RawMessage) (string, error) {
	doc, err := parse(tenant)
	return orDefault(doc.Mode, "ENFORCE"), err
}

// Spec reads the policy that a tenant document has for path: that of the longest
// route whose path_prefix is path, or a whole-segment prefix of it (rule 27),
// else the tenant's.
func Spec(tenant json.RawMessage, path string) (policy.Spec, error) {
	doc, err := parse(tenant)
	if err != nil {
		return policy.Spec{}, err
	}
	path, _, _ = strings.Cut(path, "?")
	best, chosen := -1, doc.Policy
	for _, route := range doc.Routes {
		if len(route.PathPrefix) > best && below(path, route.PathPrefix) {
			best, chosen = len(route.PathPrefix), route.Policy
		}
	}
	return chosen.spec()
}

func below(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(prefix, "/"))
}

func (f *File) document() (document, bool, error) {
	if len(f.Tenant) == 0 || string(f.Tenant) == "null" {
		return document{}, false, nil
	}
	doc, err := parse(f.Tenant)
	if err == nil && (doc.ID == "" || len(doc.Hosts) == 0) {
		err = errors.New("tenant without id or hosts")
	}
	return doc, true, err
}

func parse(tenant json.RawMessage) (document, error) {
	var doc document
	dec := json.NewDecoder(bytes.NewReader(tenant))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return document{}, fmt.Errorf("reading tenant: %w", err)
	}
	return doc, nil
}

func (d policyDocument) spec() (policy.Spec, error) {
	var problems []error
	check := func(err error) { problems = append(problems, err) }
	s := policy.Spec{
		Origins:              d.Origins,
		Methods:              d.Methods,
		RequestHeaders:       d.RequestHeaders,
		ExposeHeaders:        d.ExposeHeaders,
		Credentials:          d.Credentials,
		PrivateNetworkAccess: d.PrivateNetworkAccess,
		TimingAllowOrigin:    d.TimingAllowOrigin,
		Preflight: policy.PreflightSpec{
			SuccessStatus: d.Preflight.SuccessStatus,
			DeniedStatus:  d.Preflight.DeniedStatus,
			ExposeHeaders: d.Preflight.ExposeHeaders,
			DebugUntil:    d.Preflight.DebugUntil,
		},
	}
	for _, t := range d.TemporaryOrigins {
		s.TemporaryOrigins = append(s.TemporaryOrigins, policy.TemporaryOrigin{Origin: t.Origin, ExpiresAt: t.ExpiresAt, Note: t.Note})
	}
	if d.MaxAge != "" {
		age, err := time.ParseDuration(d.MaxAge)
		check(err)
		s.MaxAge = &age
	}
	var err error
	s.UpstreamHeaders, err = choose(d.UpstreamHeaders, map[string]policy.UpstreamMode{
		"": policy.Override, "OVERRIDE": policy.Override, "FILL": policy.Fill, "PASSTHROUGH": policy.Passthru,
	})
	check(err)
	s.BlockDenied, err = choose(d.DeniedRequests, map[string]bool{"": false, "SERVE": false, "BLOCK": true})
	check(err)
	s.EnforceWebSockets, err = choose(d.Websockets, map[string]bool{"": false, "IGNORE": false, "ENFORCE": true})
	check(err)
	s.Preflight.Minimal, err = choose(d.Preflight.Disclosure, map[string]bool{"": false, "FULL": false, "MINIMAL": true})
	check(err)
	for _, name := range d.DangerouslyAllow {
		check(danger(&s.Dangerously, name))
	}
	return s, errors.Join(problems...)
}

func choose[T any](name string, known map[string]T) (T, error) {
	v, ok := known[name]
	if !ok {
		return v, fmt.Errorf("reading tenant: unknown value %q", name)
	}
	return v, nil
}

func danger(d *policy.Dangers, name string) error {
	switch name {
	case "ANY_ORIGIN_WITH_CREDENTIALS":
		d.AnyOriginWithCredentials = true
	case "INSECURE_ORIGINS_WITH_CREDENTIALS":
		d.InsecureOriginsWithCredentials = true
	case "PUBLIC_SUFFIX_WILDCARDS":
		d.PublicSuffixWildcards = true
	default:
		return fmt.Errorf("reading tenant: unknown danger %q", name)
	}
	return nil
}
