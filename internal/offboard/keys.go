package offboard

import (
	"regexp"
	"strings"
	"time"
)

// ClusterKeyName is the name of every key that the Kubernetes service makes for a scope.
const ClusterKeyName = "containers-kubernetes-key"

// DefaultKeyLimit is how many API keys IAM allows an identity where the account's limit cannot be read (trap 5).
const DefaultKeyLimit = 20

// KeyClass says what a key is for, as far as its name and description tell.
type KeyClass string

// The classes.
const (
	ClusterKey   KeyClass = "cluster"   // the Kubernetes service's key of a scope
	SatelliteKey KeyClass = "satellite" // a Satellite location's key, besides the cluster key
	PersonalKey  KeyClass = "personal"  // anything else a user made
)

// Key is an IAM user API key, without its secret.
type Key struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	IAMID       string    `json:"iamId"`
	Class       KeyClass  `json:"class"`
	Scope       Scope     `json:"scope,omitzero"`       // of a cluster key whose description could be read
	Superseded  bool      `json:"superseded,omitempty"` // a newer cluster key of the same scope exists
	Locked      bool      `json:"locked,omitempty"`
	Disabled    bool      `json:"disabled,omitempty"`
	CreatedAt   time.Time `json:"createdAt,omitzero"` // zero where IAM gave none (trap 60)
	LastUsed    time.Time `json:"lastUsed,omitzero"`
}

var (
	words  = regexp.MustCompile(`[A-Za-z0-9-]+`)
	hex32  = regexp.MustCompile(`^[0-9a-f]{32}$`)
	region = regexp.MustCompile(`^[a-z]{2}-[a-z]+[0-9]*$`)
)

// Classify fills Class and Scope from the key's name and description. The exact sentence of a cluster key's description
// is not published; it holds the region and the resource group's ID as whole words (traps 10, 11). A cluster key whose
// description does not give exactly one of each keeps an empty scope and is never touched on that ground.
func (k Key) Classify() Key {
	switch {
	case k.Name == ClusterKeyName:
		k.Class = ClusterKey
		k.Scope = scopeOf(k.Description)
	case strings.HasPrefix(k.Name, "satellite-"):
		k.Class = SatelliteKey
	default:
		k.Class = PersonalKey
	}
	return k
}

func scopeOf(description string) Scope {
	var regions, groups []string
	for _, word := range words.FindAllString(description, -1) {
		switch {
		case hex32.MatchString(word):
			groups = appendNew(groups, word)
		case knownRegion(word):
			regions = appendNew(regions, Region(word))
		}
	}
	if len(regions) != 1 || len(groups) != 1 {
		return Scope{}
	}
	return Scope{Region: regions[0], ResourceGroup: groups[0]}
}

func appendNew(list []string, item string) []string {
	for _, have := range list {
		if have == item {
			return list
		}
	}
	return append(list, item)
}

// prefixes are the geographies of IBM's region names; a word like "re-use" is not a region.
var prefixes = map[string]bool{
	"au": true, "ap": true, "br": true, "ca": true, "eu": true, "in": true, "jp": true, "uk": true, "us": true, "de": true,
}

func knownRegion(word string) bool {
	return region.MatchString(word) && prefixes[word[:2]]
}

// MarkSuperseded sets Superseded on every cluster key but the newest of its scope, over all owners: IAM does not say
// which key is current, the newest creation is the best evidence there is. Keys without a date (trap 60) are never
// taken for the newest while a dated one exists.
func MarkSuperseded(keys []Key) []Key {
	newest := map[string]int{}
	for i, k := range keys {
		if k.Class != ClusterKey || k.Scope.Region == "" {
			continue
		}
		j, seen := newest[k.Scope.ID()]
		if !seen || keys[j].CreatedAt.Before(k.CreatedAt) {
			newest[k.Scope.ID()] = i
		}
	}
	out := make([]Key, len(keys))
	for i, k := range keys {
		if k.Class == ClusterKey && k.Scope.Region != "" {
			k.Superseded = newest[k.Scope.ID()] != i
		}
		out[i] = k
	}
	return out
}
