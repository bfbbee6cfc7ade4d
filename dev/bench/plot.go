package main

import (
	"fmt"
	"slices"
	"strings"
)

// The picture's measures, in pixels.
const (
	panelWide, panelHigh = 300, 220
	panelGap             = 60
	panelTop             = 40
)

// plot draws what an offboarding costs against the size of the account: one panel a cost, the measured points, and the
// straight line through them.
func plot(sizes []size) string {
	sizes = slices.Clone(sizes)
	slices.SortFunc(sizes, func(a, b size) int { return a.Clusters - b.Clusters })
	var s strings.Builder
	wide := len(costs)*(panelWide+panelGap) + panelGap
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		wide, panelHigh+2*panelTop+10, wide, panelHigh+2*panelTop+10)
	fmt.Fprintln(&s, `<title>Cost of an offboarding against the clusters of the account</title><rect width="100%" height="100%" fill="white"/>`)
	for i, c := range costs {
		fmt.Fprintf(&s, `<g transform="translate(%d,%d)">`+"\n", panelGap+i*(panelWide+panelGap), panelTop)
		panel(&s, sizes, c.name, c.of)
		fmt.Fprintln(&s, `</g>`)
	}
	fmt.Fprintln(&s, `</svg>`)
	return s.String()
}

func panel(s *strings.Builder, sizes []size, name string, of func(size) float64) {
	f := fitted(sizes, of)
	largest := sizes[len(sizes)-1]
	most := max(of(largest), f.at0+f.slope*float64(largest.Clusters))
	x := func(clusters float64) float64 { return clusters / float64(largest.Clusters) * panelWide }
	y := func(cost float64) float64 { return panelHigh - cost/most*panelHigh }
	label := name
	if name == "wall time" {
		label += ", s"
	}
	fmt.Fprintf(s, `<text x="0" y="-14" font-weight="bold">%s</text>`+"\n", label)
	fmt.Fprintf(s, `<path d="M0 0V%dH%d" fill="none" stroke="#444"/>`+"\n", panelHigh, panelWide)
	fmt.Fprintf(s, `<path d="M0 %.1fL%d %.1f" stroke="#2a6fb0" stroke-dasharray="5 4"/>`+"\n", y(max(f.at0, 0)), panelWide, y(f.at0+f.slope*float64(largest.Clusters)))
	for _, p := range sizes {
		fmt.Fprintf(s, `<circle cx="%.1f" cy="%.1f" r="4" fill="#2a6fb0"/>`+"\n", x(float64(p.Clusters)), y(of(p)))
		fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x(float64(p.Clusters))+6, y(of(p))-8, anchor(p, largest), number(of(p)))
		fmt.Fprintf(s, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(float64(p.Clusters)), panelHigh+16, p.Clusters)
	}
	fmt.Fprintf(s, `<text x="%d" y="%d" text-anchor="middle">clusters; R² %.4f</text>`+"\n", panelWide/2, panelHigh+34, f.fit)
}

func anchor(p, largest size) string {
	if p.Clusters == largest.Clusters {
		return "end"
	}
	return "start"
}
