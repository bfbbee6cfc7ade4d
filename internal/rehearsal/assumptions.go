package rehearsal

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"offboard/internal/ibmsim"
)

// always are what holds in every rehearsal because no survey can see it.
var always = []string{
	"Secrets are play money: whether a key of the account works is known only where it was tried, which is the engine's and each functional ID's.",
	"Pods, volumes and workers are as good as they look: a rollout succeeds unless a fault says otherwise.",
	"Whoever owns a cluster key today has the access its clusters need, no address list and no second factor in the way.",
	"Add-ons and masters are in good health, and each scope works on the newest key of whom its clusters name.",
	"The access groups of the functional IDs are not there yet, and custom bindings name nobody but the leaver.",
	"Whoever is invited accepts, and every approval is given as soon as it is asked for.",
	"What may prevent the removal of a user outside of the account's lists, such as a place above others in classic infrastructure, is not there.",
	"A secret of the storage drivers is in every cluster.",
}

// assume writes the assumptions of this scene.
func (b *builder) assume() {
	list := append(b.scene.Assumptions, always...)
	for i := range b.account.Users {
		if b.account.Users[i].Outsider {
			list = append(list, b.account.Users[i].Email+" is not in the account and accepts its invitation with the key that is configured for it.")
		}
	}
	if !b.scene.Owned {
		list = append(list, "The leaver does not own the account: who does could not be read.")
	}
	if slices.ContainsFunc(b.account.Clusters, func(c ibmsim.Cluster) bool { return c.Settles > 0 }) {
		list = append(list, "Clusters in the middle of something come to rest during the hand-over.")
	}
	for _, sentence := range slices.Sorted(maps.Keys(b.lost)) {
		list = append(list, "Not as in the account: "+some(b.lost[sentence])+", "+sentence+".")
	}
	b.scene.Assumptions = list
}

// some names a few of many.
func some(names []string) string {
	const most = 5
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
