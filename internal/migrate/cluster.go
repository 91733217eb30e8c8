package migrate

import (
	"cmp"
	"slices"
	"strings"
)

// object is a Kubernetes object.
type object struct {
	file, group, kind, namespace, name string
	root                               node
}

func (o *object) at() place {
	return place{file: o.file, object: o.kind + " " + o.namespace + "/" + o.name}
}

func (o *object) spec() node { return o.root.get("spec") }

// cluster is what the input has of a Kubernetes cluster.
type cluster struct {
	notes   *notes
	objects []object
	sites   []site
}

// maxLists bounds lists within lists.
const maxLists = 4

// add takes an object, or the objects of a list.
func (c *cluster) add(d page, depth int) {
	kind := d.root.get("kind").text()
	if strings.HasSuffix(kind, "List") && d.root.has("items") {
		for _, item := range d.root.get("items").items() {
			if depth < maxLists {
				c.add(page{file: d.file, root: item}, depth+1)
			}
		}
		return
	}
	group, _, _ := strings.Cut(d.root.get("apiVersion").text(), "/")
	meta := d.root.get("metadata")
	c.objects = append(c.objects, object{
		file: d.file, group: group, kind: kind, root: d.root,
		namespace: cmp.Or(meta.get("namespace").text(), "default"), name: meta.get("name").text(),
	})
}

// of are the objects of a kind.
func (c *cluster) of(group, kind string) []*object {
	var out []*object
	for i := range c.objects {
		if o := &c.objects[i]; o.kind == kind && o.group == group {
			out = append(out, o)
		}
	}
	return out
}

// read reads all objects and names the sources that have a policy.
func (c *cluster) read() []string {
	var sources []string
	for _, from := range []struct {
		name string
		read func() []site
	}{{fromIstio, c.virtualServices}, {fromNginx, c.ingresses}} {
		if sites := from.read(); len(sites) > 0 {
			sources = append(sources, from.name)
			c.sites = append(c.sites, sites...)
		}
	}
	sites, gateway, filters := c.httpRoutes()
	if len(sites) > 0 && gateway {
		sources = append(sources, fromEnvoyGateway)
	}
	if len(sites) > 0 && filters {
		sources = append(sources, fromGatewayAPI)
	}
	c.sites = append(c.sites, sites...)
	return sources
}

// byHost puts rules of one host together, those first that the gateways try first.
type byHost struct {
	order []string
	sites map[string]*site
}

func (b *byHost) add(at place, host string, rules ...rule) {
	if b.sites == nil {
		b.sites = map[string]*site{}
	}
	s, ok := b.sites[host]
	if !ok {
		s = &site{at: at, host: host}
		b.sites[host] = s
		b.order = append(b.order, host)
	}
	s.rules = append(s.rules, rules...)
}

// sorted gives the sites, their rules sorted by less.
func (b *byHost) sorted(compare func(a, b rule) int) []site {
	var out []site
	for _, host := range b.order {
		s := b.sites[host]
		slices.SortStableFunc(s.rules, compare)
		out = append(out, *s)
	}
	return out
}

// catchAllLast is the order of Istio for rules of several objects.
func catchAllLast(a, b rule) int {
	last := func(r rule) int {
		if r.kind == pathAll && !r.partial {
			return 1
		}
		return 0
	}
	return cmp.Compare(last(a), last(b))
}

// mostSpecific is the order of the Gateway API and of ingress-nginx.
func mostSpecific(a, b rule) int {
	weight := func(r rule) int {
		switch r.kind {
		case pathExact:
			return -1 << 20
		case pathAll:
			return 0
		default:
			return -len(r.path)
		}
	}
	return cmp.Compare(weight(a), weight(b))
}
