package ibmsim

import "regexp"

// region is a Kubernetes Service region. Classic clusters may still show the old name (trap 38).
type region struct {
	name, old, metro, display, country string
}

// regions is the multizone table (names and old names as documented by IBM).
var regions = []region{
	{name: "au-syd", old: "ap-south", metro: "syd", display: "Sydney", country: "au"},
	{name: "br-sao", metro: "sao", display: "Sao Paulo", country: "br"},
	{name: "ca-mon", metro: "mon", display: "Montreal", country: "ca"},
	{name: "ca-tor", metro: "tor", display: "Toronto", country: "ca"},
	{name: "eu-de", old: "eu-central", metro: "fra", display: "Frankfurt", country: "de"},
	{name: "eu-es", metro: "mad", display: "Madrid", country: "es"},
	{name: "eu-gb", old: "uk-south", metro: "lon", display: "London", country: "gb"},
	{name: "jp-osa", metro: "osa", display: "Osaka", country: "jp"},
	{name: "jp-tok", old: "ap-north", metro: "tok", display: "Tokyo", country: "jp"},
	{name: "us-east", old: "us-east", metro: "wdc", display: "Washington DC", country: "us"},
	{name: "us-south", old: "us-south", metro: "dal", display: "Dallas", country: "us"},
}

// modernRegion turns either spelling into the modern one.
func modernRegion(name string) (string, bool) {
	for _, r := range regions {
		if name == r.name || (r.old != "" && name == r.old) {
			return r.name, true
		}
	}
	return "", false
}

// KnownRegion tells whether the simulated Kubernetes Service has a region, by its name of today or the old one.
func KnownRegion(name string) bool {
	_, known := modernRegion(name)
	return known
}

func regionInfo(modern string) region {
	for _, r := range regions {
		if r.name == modern {
			return r
		}
	}
	return region{name: modern}
}

// managedFrom are the data centers of classic infrastructure that lie outside the multizone metros, or are managed from
// elsewhere than where they lie, by the first letters of their names.
var managedFrom = map[string]string{
	"che": "jp-tok", "sng": "jp-tok", "mil": "eu-de", "ams": "eu-de", "mon": "us-east", "tor": "us-east", "sao": "us-south", "sjc": "us-south",
}

var dataCenterForm = regexp.MustCompile(`^([a-z]{3})[0-9]{2}$`)

// classicRegion finds the region that manages a classic data center such as fra02.
func classicRegion(dataCenter string) (string, bool) {
	found := dataCenterForm.FindStringSubmatch(dataCenter)
	if found == nil {
		return "", false
	}
	if region, elsewhere := managedFrom[found[1]]; elsewhere {
		return region, true
	}
	for _, r := range regions {
		if r.metro == found[1] && r.old != "" {
			return r.name, true
		}
	}
	return "", false
}
