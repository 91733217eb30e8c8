package config

import (
	"fmt"
	"regexp"

	"github.com/spf13/pflag"
)

// RUM says where reports of pages are collected.
type RUM struct {
	// Listen is where the collector listens, plain HTTP; "" means nowhere.
	Listen string
	// InsecureListen permits Listen off loopback.
	InsecureListen bool
	// Keys are the site keys of which a beacon must carry one; none means that it need not.
	Keys []string
	// TrustedHops is how many proxies before the collector append to X-Forwarded-For.
	TrustedHops int
}

// Enabled reports whether reports are collected.
func (r *RUM) Enabled() bool { return r.Listen != "" }

// Bounds of the settings.
const (
	maxKeys = 64
	maxHops = 10
)

// siteKey is what a site key looks like. Beacons have little room.
var siteKey = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Bind defines the flags on fs, with their defaults.
func (r *RUM) Bind(fs *pflag.FlagSet) {
	fs.StringVar(&r.Listen, "rum-listen", "", "`ADDRESS` where reports of pages are collected; empty for nowhere")
	fs.StringSliceVar(&r.Keys, "rum-key", nil, "public site `KEY` of which a report must carry one; repeat for more")
	fs.IntVar(&r.TrustedHops, "rum-trusted-hops", 0, "`NUMBER` of proxies before the collector that append to X-Forwarded-For")
	fs.BoolVar(&r.InsecureListen, "insecure-rum-listen", false, "permit --rum-listen, which is plain HTTP, off loopback")
}

func (c *checker) rum(s *Serve) {
	r := &s.RUM
	if !r.Enabled() {
		for _, other := range []struct {
			flag string
			set  bool
		}{{"rum-key", len(r.Keys) > 0}, {"rum-trusted-hops", r.TrustedHops != 0}} {
			if other.set {
				c.add(other.flag, "no reports are collected", "set --rum-listen too")
			}
		}
		return
	}
	c.rumListen(s)
	if len(r.Keys) > maxKeys {
		c.add("rum-key", fmt.Sprintf("there are %d keys, at most %d", len(r.Keys), maxKeys), "one key serves any number of pages")
	}
	for _, key := range r.Keys {
		if !siteKey.MatchString(key) {
			c.add("rum-key", fmt.Sprintf("%q is no site key", key), "write 1 to 64 letters, digits, '.', '_' or '-'")
		}
	}
	if r.TrustedHops < 0 || r.TrustedHops > maxHops {
		c.add("rum-trusted-hops", fmt.Sprintf("%d is outside 0 to %d", r.TrustedHops, maxHops), "count the proxies between browsers and corsgate; one Envoy is 1")
	}
}

func (c *checker) rumListen(s *Serve) {
	address, err := ParseAddress(s.RUM.Listen)
	if err != nil {
		c.add("rum-listen", err.Error(), "write host:port or unix:PATH, or leave it empty")
		return
	}
	if !address.Local() && !s.RUM.InsecureListen {
		c.add("rum-listen", fmt.Sprintf("%s can be reached from other machines and is plain HTTP", s.RUM.Listen),
			"listen on 127.0.0.1 behind Envoy, or permit it by --insecure-rum-listen")
	}
	for _, other := range []struct{ flag, address string }{{"listen", s.Listen}, {"admin-listen", s.AdminListen}} {
		if s.RUM.Listen == other.address && !anyPort(other.address) {
			c.add("rum-listen", "it is the same address as --"+other.flag, "choose another port")
		}
	}
}
