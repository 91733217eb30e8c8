package answer

import (
	"strconv"

	"github.com/corsgate/corsgate/envoy/wire"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
)

// TenantInfo is whose policy decided, and how well it is known.
type TenantInfo struct {
	// ID is the tenant's, or "".
	ID string
	// Tier is the label of that name of its document, or "".
	Tier string
	// Revision is the document's, or 0.
	Revision int64
	// Freshness says where the document comes from, or why there is none.
	Freshness tenant.Freshness
}

// notes are what design C writes the headers from, and what access logs
// can show: the values of headers, and what was decided for whom. What goes without saying is
// left out: a live policy has no source. A decision takes back the notes that keep the response out of caches; last
// says that no other edits of the response will come.
func notes(res *tenant.Result, info *TenantInfo, headers []policy.Header, last bool) []Note {
	list := make([]Note, 0, 16)
	add := func(key, value string) {
		if value != "" {
			list = append(list, Note{key, value})
		}
	}
	add(wire.MetaDecision, res.Outcome.String())
	add(wire.MetaReason, res.Reason.String())
	add(wire.MetaPhase, res.Kind.String())
	add(wire.MetaTenant, info.ID)
	add(wire.MetaVariant, res.Variant)
	add(wire.MetaShadow, res.Shadow)
	if validValue(info.Tier) {
		add(wire.MetaTier, info.Tier) // a label for people must not cost a grant
	}
	if info.Revision > 0 {
		add(wire.MetaVersion, strconv.FormatInt(info.Revision, 10))
	}
	if info.Freshness > tenant.Live && info.Freshness <= tenant.Baseline {
		add(wire.MetaSource, info.Freshness.String())
	}
	if res.Outcome == policy.Allowed && res.OriginIndex >= 0 {
		add(wire.MetaEntry, strconv.Itoa(res.OriginIndex))
	}
	for _, pair := range wire.HeaderMeta() {
		for _, h := range headers {
			if h.Name == pair[0] {
				add(pair[1], h.Value)
			}
		}
	}
	if res.Outcome != policy.Error {
		list = append(list, Note{wire.MetaUndecided, ""})
		if last {
			list = append(list, Note{wire.MetaUnedited, ""})
		}
	}
	return list
}
