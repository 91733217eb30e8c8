package main

import (
	"fmt"
	"html"
	"strings"
)

// Measures of the plot, in pixels.
const (
	plotLeft   = 150
	plotWidth  = 560
	plotBar    = 16
	plotStep   = 22
	plotHead   = 34
	plotBottom = 36
)

// plot draws the processor time of each kind of request: Envoy's, and behind it the server's.
func (res *result) plot() string {
	var body strings.Builder
	most := 0.0
	for _, k := range kinds() {
		for _, c := range contenders() {
			proxy, server := res.cost(c.name, k.name)
			most = max(most, proxy+server)
		}
	}
	y := 8
	for _, k := range kinds() {
		fmt.Fprintf(&body, `<text x="0" y="%d" class="kind">%s</text>`+"\n", y+18, html.EscapeString(k.name))
		y += plotHead
		for _, c := range contenders() {
			proxy, server := res.cost(c.name, k.name)
			if proxy == 0 {
				continue
			}
			a, b := proxy/most*plotWidth, server/most*plotWidth
			fmt.Fprintf(&body, `<text x="%d" y="%d" class="name">%s</text>`+"\n", plotLeft-8, y+13, html.EscapeString(c.name))
			fmt.Fprintf(&body, `<rect x="%d" y="%d" width="%.1f" height="%d" class="envoy"/>`+"\n", plotLeft, y, a, plotBar)
			if c.server != "" && server >= 1 {
				fmt.Fprintf(&body, `<rect x="%.1f" y="%d" width="%.1f" height="%d" class="server"/>`+"\n", plotLeft+a, y, b, plotBar)
				fmt.Fprintf(&body, `<text x="%.1f" y="%d">%.0f + %.0f</text>`+"\n", plotLeft+a+b+6, y+13, proxy, server)
			} else {
				fmt.Fprintf(&body, `<text x="%.1f" y="%d">%.0f</text>`+"\n", plotLeft+a+6, y+13, proxy)
			}
			y += plotStep
		}
	}
	y += plotBottom
	fmt.Fprintf(&body, `<rect x="%d" y="%d" width="12" height="12" class="envoy"/><text x="%d" y="%d">Envoy, the application included</text>`+"\n", plotLeft, y-24, plotLeft+18, y-14)
	fmt.Fprintf(&body, `<rect x="%d" y="%d" width="12" height="12" class="server"/><text x="%d" y="%d">ext_proc server</text>`+"\n", plotLeft+250, y-24, plotLeft+268, y-14)
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">
<title>Microseconds of processor time a request</title>
<style>
text { fill: #333 } .kind { font-size: 14px; font-weight: bold } .name { text-anchor: end }
.envoy { fill: #9aa7b8 } .server { fill: #d9663c }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .envoy { fill: #66758a } }
</style>
%s</svg>
`, plotLeft+plotWidth+90, y, body.String())
}

// cost is the medians of a contender's microseconds a request.
func (res *result) cost(contender, kind string) (proxy, server float64) {
	return median(each(res.Samples, contender, kind, func(s *sample) float64 { return s.Envoy })),
		median(each(res.Samples, contender, kind, func(s *sample) float64 { return s.Server }))
}
