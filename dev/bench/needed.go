package main

import "offboard/internal/offboard"

// needed is what P3 holds the engine against: by phase, one call for each fact that the phase decides by, one for each
// change, and one that confirms the change. A fact counts once however many steps want it, unless somebody else may have
// changed it in between and a promise hangs on it: keys and clusters are looked for again right before keys are disabled
// and before the user is removed (promise 2). Lists count by their pages. Tokens and calls while waiting are counted apart.
func needed(s shape) tally {
	t := tally{}
	a := s.account("")
	users := pagesOf(len(a.Users), 100)
	keys := len(a.Keys) + len(a.Scopes) + loginKeys(s)
	keyPages := pagesOf(keys, 100)
	own := s.Scopes + 1 // the leaver's keys
	dependents := 0
	for i := range s.Clusters {
		dependents++
		if autoscaled(i) {
			dependents++
		}
	}
	n := neededBy{t, offboard.PhaseAdmit}
	n.call("iam GetAPIKeysDetails", 1)
	n.call("user-management GetUserProfile", 1)
	n.call("iam GetAccountSettings", 1)
	n.call("accounts GetAccount", 1)
	n.call("user-management ListUsers", users)

	n.phase = offboard.PhaseSurvey
	n.call("iam ListAPIKeys", keyPages)
	n.call("iam GetAPIKey", own) // the last use, which only the single key tells
	n.call("iam BulkListAccountEntityConsumption", 1)
	n.call("iam ListProfiles", 1)
	n.lists(s)
	n.call("containers GetClusterKeyOwner", s.Clusters)
	n.call("containers GetUserCredentials", s.Scopes)
	n.call("containers GetKubeconfig", s.Clusters)
	n.call("kubernetes list pods", s.Clusters)
	n.call("kubernetes get replicasets", dependents)
	n.call("kubernetes list deployments", s.Clusters)
	n.call("kubernetes list statefulsets", s.Clusters)
	n.call("kubernetes list rolebindings", s.Clusters)
	n.call("kubernetes list clusterrolebindings", s.Clusters)
	n.call("kubernetes get secrets", s.Clusters) // how the drivers sign in
	n.call("kubernetes list secrets", s.Clusters)

	n.phase = offboard.PhasePrepare
	grants := 3*s.groups() + 1
	n.call("user-management ListUsers", users) // accepted by now?
	n.call("iam ListAccessGroups", 1)
	n.call("iam CreateAccessGroup", 1)
	n.call("iam ListV2Policies", 1)
	n.call("iam CreateV2Policy", grants)
	n.call("iam IsMemberOfAccessGroup", 1)
	n.call("iam AddMembersToAccessGroup", 1)
	n.call("iam GetAPIKeysDetails", 1) // whose key the functional ID has
	// What it sees of each resource group confirms every grant: one list of each provider.
	for _, list := range []string{"ClassicGetClusters", "VpcGetClusters", "GetSatelliteClusters"} {
		n.call("containers "+list, s.groups())
	}

	n.phase = offboard.PhaseHandOver
	n.call("iam ListAPIKeys", s.Scopes) // which keys there are, before
	n.look(s, dependents)               // how the clusters were, before
	n.call("kubernetes get secrets", s.Clusters)
	n.call("containers ResetUserAPIKey", s.Scopes)
	n.call("iam ListAPIKeys", s.Scopes) // confirms it
	n.call("containers GetClusterKeyOwner", s.Clusters)
	n.call("containers VpcRefreshMaster", s.Clusters)
	n.call("containers GetCluster", s.Clusters)  // confirms it
	n.call("kubernetes get secrets", s.Clusters) // confirms that the key has arrived
	n.call("kubernetes patch deployments", dependents)
	n.rollouts(dependents) // confirms it
	n.look(s, dependents)  // how they are afterwards

	n.phase = offboard.PhaseDisable
	n.call("iam ListAPIKeys", keyPages)
	n.lists(s)
	n.call("iam GetAPIKey", 2*own) // before and after
	n.call("iam DisableAPIKey", own)

	n.phase = offboard.PhaseDelete
	n.call("iam DeleteAPIKey", own)
	n.call("iam GetAPIKey", own)

	n.phase = offboard.PhaseRemove
	n.call("iam ListAPIKeys", keyPages)
	n.lists(s)
	n.call("user-management V3RemoveUser", 1)
	n.call("user-management GetUserProfile", 1)

	n.phase = offboard.PhaseClean
	n.call("containers ApplyRBACAndGetKubeconfig", s.Clusters)
	n.call("containers GetRBACStatus", s.Clusters)

	n.phase = offboard.PhaseReport
	n.call("iam GetAccessGroup", 1)
	n.call("iam UpdateAccessGroup", 1)
	return t
}

// loginKeys are the keys of the engine, the owner and the functional IDs, which are in the account's list, too.
func loginKeys(s shape) int { return 2 + s.FunctionalIDs }

type neededBy struct {
	tally
	phase offboard.Phase
}

func (n neededBy) call(what string, times int) { n.add(n.phase, what, times) }

// lists is where the clusters are: each provider's list, the groups, and what search knows besides.
func (n neededBy) lists(s shape) {
	n.call("resource-groups ListResourceGroups", 1)
	n.call("containers ClassicGetClusters", 1)
	n.call("containers VpcGetClusters", 1)
	n.call("containers GetSatelliteClusters", 1)
	n.call("search Search", s.Clusters/100+1)
}

// look is how a scope's clusters are: the cluster, its add-ons, its dependents.
func (n neededBy) look(s shape, dependents int) {
	n.call("containers GetCluster", s.Clusters)
	n.call("containers GetClusterAddons", s.Clusters)
	n.rollouts(dependents)
}

// rollouts is how dependents are: each workload and the pods that it controls.
func (n neededBy) rollouts(dependents int) {
	n.call("kubernetes get deployments", dependents)
	n.call("kubernetes list replicasets", dependents)
	n.call("kubernetes list pods", dependents)
}
