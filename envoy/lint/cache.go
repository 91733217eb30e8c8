package lint

import (
	"slices"
	"strings"

	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	metadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_metadata/v3"

	"github.com/corsgate/corsgate/envoy/wire"
)

// keepsFromCaches reports whether responses to the requests of c are no-store for as long as corsgate has not
// answered: always, or by a note that is set before the call and that corsgate takes back.
func (m *manager) keepsFromCaches(c *call) bool {
	note := wire.MetaUnedited
	if c.byMetadata() {
		note = wire.MetaUndecided
	}
	noted := m.runs(c, func(in *inner) bool { return setsNote(in, note) })
	return m.runs(c, func(in *inner) bool {
		mu, _ := in.config.(*mutationv3.HeaderMutation)
		for _, h := range mu.GetMutations().GetResponseMutations() {
			e := edit{HeaderMutation: h}
			if e.writes() == cacheControl && (strings.Contains(e.value(), wire.NoStore) || noted && e.value() == metadata(note)) {
				return true
			}
		}
		return false
	})
}

// metadata is how a header is written from a key of corsgate's metadata.
func metadata(key string) string { return "%DYNAMIC_METADATA(" + wire.Namespace + ":" + key + ")%" }

func setsNote(in *inner, note string) bool {
	set, _ := in.config.(*metadatav3.Config)
	return slices.ContainsFunc(set.GetMetadata(), func(one *metadatav3.Metadata) bool {
		return one.GetMetadataNamespace() == wire.Namespace && one.GetValue().GetFields()[note].GetStringValue() == wire.NoStore
	})
}

// runs reports whether a filter of a kind runs for all requests that c is made for.
func (m *manager) runs(c *call, is func(*inner) bool) bool {
	for _, f := range m.filters {
		for _, in := range f.inner {
			if m.active(f) && c.serves.and(in.serves) == c.serves && is(in) {
				return true
			}
		}
	}
	return false
}
