package offboard_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"offboard/internal/offboard"
)

func TestRegionKnowsOldNames(t *testing.T) {
	tests := map[string]string{
		"au-syd": "au-syd", "ap-south": "au-syd", "eu-central": "eu-de", "uk-south": "eu-gb", "ap-north": "jp-tok",
		"uk-lon": "eu-gb", "de-fra": "eu-de", " US-South ": "us-south", "EU-Central": "eu-de", "mars-1": "mars-1", "": "",
	}
	for in, want := range tests {
		assert.Equal(t, want, offboard.Region(in), "%q", in)
		assert.Equal(t, want, offboard.Region(offboard.Region(in)), "the modern name of %q stays", in)
	}
}

func TestScopeOfAClusterKeepsTheSpellingOfItsAPI(t *testing.T) {
	old := offboard.Cluster{Region: "uk-south", ResourceGroup: shop, ResourceGroupName: "shop"}.Scope()
	modern := offboard.Cluster{Region: "eu-gb", ResourceGroup: shop}.Scope()

	assert.Equal(t, old.ID(), modern.ID(), "one pair is one scope (trap 38)")
	assert.Equal(t, "uk-south", old.XRegion())
	assert.Equal(t, "eu-gb", modern.XRegion())
	assert.Equal(t, "eu-gb/shop", old.String())
	assert.Equal(t, "eu-gb/"+shop, modern.String())
}

func TestClassify(t *testing.T) {
	const cluster = offboard.ClusterKeyName
	tests := []struct {
		situation, name, description string
		class                        offboard.KeyClass
		scope                        string // empty: not known
	}{
		{"a sentence", cluster, "Key for eu-de and " + shop + ".", offboard.ClusterKey, "eu-de/" + shop},
		{"no sentence", cluster, shop + "/eu-de", offboard.ClusterKey, "eu-de/" + shop},
		{"an old region name (trap 38)", cluster, "uk-south " + shop, offboard.ClusterKey, "eu-gb/" + shop},
		{"the same region in two spellings", cluster, "uk-south (eu-gb) " + shop, offboard.ClusterKey, "eu-gb/" + shop},
		{"a restricted region", cluster, "eu-fr2 " + shop, offboard.ClusterKey, "eu-fr2/" + shop},
		{"said twice", cluster, "eu-de eu-de " + shop + " " + shop, offboard.ClusterKey, "eu-de/" + shop},
		{"a word that looks like a region", cluster, "a re-used key of eu-de, " + shop, offboard.ClusterKey, "eu-de/" + shop},
		{"a zone is no region (trap 11)", cluster, "eu-de-1 " + shop, offboard.ClusterKey, ""},
		{"a region inside a word (trap 11)", cluster, "my-eu-de-key " + shop, offboard.ClusterKey, ""},
		{"a group inside a word (trap 11)", cluster, "eu-de x" + shop, offboard.ClusterKey, ""},
		{"half a group (trap 11)", cluster, "eu-de " + shop[:31], offboard.ClusterKey, ""},
		{"two regions", cluster, "eu-de us-south " + shop, offboard.ClusterKey, ""},
		{"two groups", cluster, "eu-de " + shop + " " + data, offboard.ClusterKey, ""},
		{"nothing said", cluster, "", offboard.ClusterKey, ""},
		{"somebody's own key that tells of a scope (trap 10)", "ci", "eu-de " + shop, offboard.PersonalKey, ""},
		{"a name that only begins alike (trap 10)", cluster + "-backup", "eu-de " + shop, offboard.PersonalKey, ""},
		{"satellite", "satellite-c0ffee", "eu-de " + shop, offboard.SatelliteKey, ""},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			k := offboard.Key{Name: tt.name, Description: tt.description}.Classify()
			assert.Equal(t, tt.class, k.Class)
			got := ""
			if k.Scope != (offboard.Scope{}) {
				got = k.Scope.ID()
			}
			assert.Equal(t, tt.scope, got)
		})
	}
}

func TestMarkSuperseded(t *testing.T) {
	key := func(id, region string, created time.Time) offboard.Key { return clusterKey(id, region, shop, created) }
	tests := []struct {
		situation string
		keys      []offboard.Key
		want      []string // IDs of the superseded
	}{
		{"one key", []offboard.Key{key("a", "eu-de", day(-9))}, nil},
		{"the newer wins", []offboard.Key{key("a", "eu-de", day(-9)), key("b", "eu-de", day(-1)), key("c", "eu-de", day(-5))}, []string{"a", "c"}},
		{"other scopes do not count", []offboard.Key{key("a", "eu-de", day(-9)), key("b", "us-south", day(-1))}, nil},
		{"spellings of one region do", []offboard.Key{key("a", "uk-south", day(-9)), key("b", "eu-gb", day(-1))}, []string{"a"}},
		{"a key without a date is not the newest (trap 60)", []offboard.Key{key("a", "eu-de", time.Time{}), key("b", "eu-de", day(-900))}, []string{"a"}},
		{"nor when it comes last (trap 60)", []offboard.Key{key("b", "eu-de", day(-900)), key("a", "eu-de", time.Time{})}, []string{"a"}},
		{"without any date the first stays", []offboard.Key{key("a", "eu-de", time.Time{}), key("b", "eu-de", time.Time{})}, []string{"b"}},
		{"personal keys never", []offboard.Key{personalKey("p", "ci", day(-1)), personalKey("q", "ci", day(-2))}, nil},
		{"nor keys of no known scope", []offboard.Key{
			offboard.Key{ID: "x", Name: offboard.ClusterKeyName}.Classify(), offboard.Key{ID: "y", Name: offboard.ClusterKeyName}.Classify()}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.situation, func(t *testing.T) {
			var got []string
			for _, k := range offboard.MarkSuperseded(tt.keys) {
				if k.Superseded {
					got = append(got, k.ID)
				}
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// Of each scope exactly one key is current, in whatever order IAM lists them, and it is the newest.
func TestMarkSupersededLeavesTheNewestOfEachScope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "keys")
		var keys []offboard.Key
		for i := range n {
			region := rapid.SampledFrom([]string{"eu-de", "eu-gb", "uk-south", "us-south"}).Draw(t, "region")
			keys = append(keys, clusterKey(string(rune('a'+i)), region, shop, day(-i)))
		}
		newest := map[string]string{}
		for _, k := range keys {
			if newest[k.Scope.ID()] == "" {
				newest[k.Scope.ID()] = k.ID // they were made newest first
			}
		}
		for _, k := range offboard.MarkSuperseded(rapid.Permutation(keys).Draw(t, "order")) {
			if k.Superseded == (newest[k.Scope.ID()] == k.ID) {
				t.Fatalf("key %s of %s: superseded is %t, the newest is %s", k.ID, k.Scope, k.Superseded, newest[k.Scope.ID()])
			}
		}
	})
}
