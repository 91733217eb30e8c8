package document

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// Stored is one document of a store, read: see [ParseStored].
type Stored struct {
	// Record is the document compiled. A tombstone, and a document with problems whose hosts
	// could be read, have a Record without a policy, which keeps their hosts from falling
	// to the default tenant. Nil when nothing could be read.
	Record *tenant.Record
	// Problems is all that is wrong with the document. It is nil for a tombstone.
	Problems Problems
}

// ParseStored reads what a store holds under id: one document, with the
// fields that a registry writes, or a tombstone. A document of another id is a problem.
// The record keeps no memory of data. Problems have "tenant:" and the id for a file.
func ParseStored(id string, data []byte) Stored {
	if !tenant.ValidID(id) {
		return Stored{Problems: Problems{{Problem: policy.Problem{
			Value: cut(id, maxValue), Code: CodeFormat, Detail: "this cannot be the id of a tenant",
		}}}}
	}
	if r := parsePlain(id, data); r != nil {
		return Stored{Record: r}
	}
	return parseThorough(id, data)
}

// parseThorough reads a stored document as a file is read, to the last problem.
func parseThorough(id string, data []byte) Stored {
	file := "tenant:" + id
	var only *text
	n := 0
	for t := range documents(file, data) {
		if !t.blank() {
			only = t
			n++
		}
	}
	if n != 1 {
		return Stored{Problems: Problems{{File: file, Tenant: id, Problem: policy.Problem{
			Code: CodeSyntax, Detail: fmt.Sprintf("holds %d documents; one belongs here", n),
		}}}}
	}
	only.key = id
	_, record, problems := decode(only)
	return Stored{Record: record, Problems: problems}
}

// parsePlain reads a stored document in the form in which programs write it: JSON, without a
// problem. For anything else it gives nil, and [parseThorough] has to say what it is. What
// it accepts, parseThorough accepts with an equal record, some thirty times slower; a start
// from a store of many thousand tenants cannot wait for that.
//
// It is another reading of tenant.proto than the generated one, so a test compares
// the two, field by field and at random.
func parsePlain(id string, data []byte) *tenant.Record {
	if len(data) > MaxDocumentBytes || len(data) == 0 || data[0] != '{' {
		return nil
	}
	d := plainReader{scanner: scanner{text: string(data)}}
	d.object(d.member)
	if d.skip(); d.at < len(d.text) || d.unusual || d.def.ID != id {
		return nil
	}
	if d.def.Deleted == (d.def.Policy != nil) || d.def.Deleted && (d.def.Candidate != nil || d.def.Routes != nil) {
		return nil // without a policy, or a tombstone with one
	}
	return tenant.NewRecord(d.def)
}

// plainReader fills a definition.
type plainReader struct {
	scanner
	def tenant.Definition
}

// Bounds of the texts for people and of max_stale, as in tenant.proto.
const (
	maxUpdatedBy = 256
	maxNote      = 1024
	maxHostEntry = 1024
	maxLabelText = 128
	minMaxStale  = 5 * time.Minute
	maxMaxStale  = 30 * 24 * time.Hour
	maxMaxAge    = 24 * time.Hour
)

func (d *plainReader) member(key string) bool {
	r := &d.def
	switch key {
	case "id":
		r.ID = d.str()
	case "hosts":
		r.Hosts = d.hosts()
	case "mode":
		r.Mode = tenant.Mode(d.oneOf("ENFORCE", "SHADOW", "OFF")) //nolint:gosec // one of three
	case "policy":
		r.Policy = d.policy()
	case "routes":
		r.Routes = d.routes()
	case "candidate":
		d.candidate()
	case "labels":
		d.labels()
	case "revision":
		r.Revision = d.longNumber()
	case "updated_at":
		d.moment()
	case "updated_by":
		d.note(maxUpdatedBy)
	case "reason":
		d.note(maxNote)
	case "deleted":
		r.Deleted = d.boolean()
	case "max_stale":
		r.MaxStale = d.duration(minMaxStale, maxMaxStale)
	default:
		return false
	}
	return true
}

func (d *plainReader) hosts() []string {
	hosts := d.strings(MaxHosts)
	for i, host := range hosts {
		canonical, f := canonicalHost(host)
		if f.code != "" || len(host) > maxHostEntry || slices.Contains(hosts[:i], canonical) {
			d.giveUp()
			return nil
		}
		hosts[i] = canonical
	}
	return hosts
}

func (d *plainReader) labels() {
	d.object(func(key string) bool {
		value := d.str()
		if key == tierLabel {
			d.def.Tier = value
		}
		return tenant.ValidID(key) && len(value) <= maxLabelText && visible(strings.ReplaceAll(value, " ", ""))
	})
}

func (d *plainReader) candidate() {
	var c tenant.Candidate
	d.object(func(key string) bool {
		switch key {
		case "policy":
			c.Policy = d.policy()
		case "routes":
			c.Routes = d.routes()
		case "percent":
			c.Percent = uint8(d.number(100)) //nolint:gosec // bounded
		default:
			return false
		}
		return true
	})
	if c.Policy == nil {
		d.giveUp()
	}
	d.def.Candidate = &c
}

func (d *plainReader) routes() []tenant.Route {
	var routes []tenant.Route
	d.array(MaxRoutes, func() {
		var r tenant.Route
		d.object(func(key string) bool {
			switch key {
			case "path_prefix":
				r.PathPrefix = d.str()
			case "policy":
				r.Policy = d.policy()
			default:
				return false
			}
			return true
		})
		detail, _ := tenant.PathPrefixFault(r.PathPrefix)
		repeated := slices.ContainsFunc(routes, func(e tenant.Route) bool { return e.PathPrefix == r.PathPrefix })
		if detail != "" || repeated || r.Policy == nil || len(r.PathPrefix) > tenant.MaxPathPrefixBytes {
			d.giveUp()
		}
		routes = append(routes, r)
	})
	return routes
}

// policy reads and compiles a policy. It is nil when that fails.
func (d *plainReader) policy() *policy.Policy {
	var spec policy.Spec
	d.object(func(key string) bool { return d.policyMember(&spec, key) })
	if d.unusual {
		return nil
	}
	p, err := policy.Compile(spec)
	if err != nil {
		d.giveUp()
		return nil
	}
	return p
}

func (d *plainReader) policyMember(spec *policy.Spec, key string) bool {
	switch key {
	case "origins":
		spec.Origins = d.strings(MaxOrigins)
	case "temporary_origins":
		spec.TemporaryOrigins = d.temporaryOrigins()
	case "methods":
		spec.Methods = d.strings(MaxMethods)
	case "request_headers":
		spec.RequestHeaders = d.strings(MaxHeaderNames)
	case "expose_headers":
		spec.ExposeHeaders = d.strings(MaxHeaderNames)
	case "credentials":
		spec.Credentials = d.boolean()
	case "max_age":
		spec.MaxAge = new(d.duration(0, maxMaxAge))
	case "upstream_headers":
		spec.UpstreamHeaders = policy.UpstreamMode(d.oneOf("OVERRIDE", "FILL", "PASSTHROUGH")) //nolint:gosec // one of three
	case "denied_requests":
		spec.BlockDenied = d.oneOf("SERVE", "BLOCK") == 1
	case "preflight":
		d.preflight(&spec.Preflight)
	case "websockets":
		spec.EnforceWebSockets = d.oneOf("IGNORE", "ENFORCE") == 1
	case "private_network_access":
		spec.PrivateNetworkAccess = d.boolean()
	case "timing_allow_origin":
		spec.TimingAllowOrigin = d.boolean()
	case "dangerously_allow":
		d.dangers(&spec.Dangerously)
	default:
		return false
	}
	return true
}

func (d *plainReader) preflight(spec *policy.PreflightSpec) {
	d.object(func(key string) bool {
		switch key {
		case "success_status":
			spec.SuccessStatus = int(d.number(999))
		case "denied_status":
			spec.DeniedStatus = int(d.number(999))
		case "disclosure":
			spec.Minimal = d.oneOf("FULL", "MINIMAL") == 1
		case "expose_headers":
			spec.ExposeHeaders = d.boolean()
		case "debug_until":
			spec.DebugUntil = d.moment()
		default:
			return false
		}
		return true
	})
}

func (d *plainReader) temporaryOrigins() []policy.TemporaryOrigin {
	var list []policy.TemporaryOrigin
	d.array(MaxOrigins, func() {
		var t policy.TemporaryOrigin
		d.object(func(key string) bool {
			switch key {
			case "origin":
				t.Origin = d.str()
			case "expires_at":
				t.ExpiresAt = d.moment()
			case "note":
				t.Note = d.note(maxNote)
			default:
				return false
			}
			return true
		})
		list = append(list, t)
	})
	return list
}

func (d *plainReader) dangers(lifted *policy.Dangers) {
	d.array(3, func() {
		flag := [...]*bool{
			&lifted.AnyOriginWithCredentials, &lifted.InsecureOriginsWithCredentials, &lifted.PublicSuffixWildcards,
		}[d.oneOf("ANY_ORIGIN_WITH_CREDENTIALS", "INSECURE_ORIGINS_WITH_CREDENTIALS", "PUBLIC_SUFFIX_WILDCARDS")]
		if *flag {
			d.giveUp()
		}
		*flag = true
	})
}
