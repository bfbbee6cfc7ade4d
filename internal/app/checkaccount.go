package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"offboard/activities"
	"offboard/internal/offboard"
)

// CheckAccount checks what the engine's identity and the functional IDs can see and do in the account.
func CheckAccount(ctx context.Context, account string, ports activities.Ports, rights Rights) []Check {
	engine, who, ok := checkEngine(ctx, account, ports)
	list := []Check{engine}
	if !ok {
		return list
	}
	settings, owns := checkSettings(ctx, who, ports.Users)
	people, check := checkPeople(ctx, ports.Users)
	list = append(list, settings, check, checkKeys(ctx, ports))
	for _, email := range ports.Successors.Emails() {
		list = append(list, checkFunctionalID(ctx, email, people, account, ports, rights))
	}
	vpc, checks := checkClusters(ctx, ports.Clusters)
	list = append(list, checks...)
	if owns || !engine.OK {
		return list // an owner may do everything, by no policy; who should not be the engine needs no role
	}
	return append(list, checkRoles(ctx, who, vpc, rights))
}

// checkEngine tells who the engine is; false where nobody knows, or where the account is not one it may ask about.
func checkEngine(ctx context.Context, account string, ports activities.Ports) (Check, offboard.Identity, bool) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "engine's identity"}
	who, err := ports.Users.WhoAmI(ctx)
	switch {
	case err != nil:
		check.Detail, check.Remedy = err.Error(), "give the engine a valid API key (IC_API_KEY)"
	case who.Account != account:
		check.Detail = fmt.Sprintf("the key belongs to account %s, the engine works on %s", who.Account, account)
		check.Remedy = "use a key of that account, or correct IBMCLOUD_ACCOUNT_ID"
	case strings.HasPrefix(who.IAMID, "iam-ServiceId-"), strings.HasPrefix(who.IAMID, "iam-Profile-"):
		// Such a token may not invite or remove users (trap 22).
		check.Detail = who.IAMID + " is not a user: it cannot invite or remove users"
		check.Remedy = "give the engine the API key of a user made for it"
	case slices.ContainsFunc(ports.Successors.Emails(), func(email string) bool { return strings.EqualFold(email, who.Email) }):
		// Whoever can read a secret in a cluster then is the engine.
		check.Detail = who.Email + " is a functional ID too: clusters would run on the rights of the engine"
		check.Remedy = "give the engine the API key of a user made for it, or name another functional ID"
	default:
		check.OK, check.Detail = true, fmt.Sprintf("%s (%s)", who.Email, who.IAMID)
	}
	return check, who, err == nil && who.Account == account
}

// checkSettings reads what concerns the whole account, and tells whether the engine works as its owner.
func checkSettings(ctx context.Context, who offboard.Identity, users activities.Users) (_ Check, owns bool) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "account"}
	account, err := users.Account(ctx)
	switch {
	case err != nil:
		check.Detail, check.Remedy = err.Error(), "give the engine's identity the Administrator role on IAM Identity"
	case who.IAMID != "" && who.IAMID == account.OwnerIAMID:
		check.Detail = who.Email + " owns the account: no role can limit what a leaked key of it does"
		check.Remedy = "make a user for the engine with the roles that docs/security.md lists, and give the engine that user's API key"
		return check, true
	default:
		keys := "anybody may create API keys"
		if account.RestrictedKeys {
			keys = "creating API keys is restricted"
		}
		check.OK, check.Detail = true, fmt.Sprintf("tokens live %s, %s", account.TokenLife, keys)
	}
	return check, false
}

func checkPeople(ctx context.Context, users activities.Users) ([]offboard.Person, Check) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "users", Remedy: "give the engine's identity the Administrator role on User Management, and check the account's user list visibility"}
	people, err := users.People(ctx)
	switch {
	case err != nil:
		check.Detail = err.Error()
	case len(people) <= 1:
		check.Detail = "only the engine's own identity is visible (trap 16)"
	default:
		check.OK, check.Remedy, check.Detail = true, "", fmt.Sprintf("%d users visible", len(people))
	}
	return people, check
}

func checkKeys(ctx context.Context, ports activities.Ports) Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "API keys of users", Remedy: "give the engine's identity the Administrator role on IAM Identity"}
	keys, err := ports.Keys.UserKeys(ctx)
	if err != nil {
		check.Detail = err.Error()
		return check
	}
	owners := map[string]bool{}
	for _, k := range keys {
		owners[k.IAMID] = true
	}
	check.Detail = fmt.Sprintf("%d keys of %d users visible", len(keys), len(owners))
	if len(owners) > 1 {
		check.OK, check.Remedy = true, ""
	}
	return check
}

func checkFunctionalID(ctx context.Context, email string, people []offboard.Person, account string, ports activities.Ports, rights Rights) Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "functional ID " + email}
	state := "not in the account yet: it is invited when it is needed"
	member := false
	for _, p := range people {
		if strings.EqualFold(p.Email, email) {
			state, member = p.State, p.Active()
		}
	}
	who, err := ports.Successors.Prove(ctx, email)
	switch {
	case err != nil && !member && offboard.CodeOf(err) == offboard.Denied:
		check.OK, check.Detail = true, state+"; whether its API key works can be told only then"
		return check
	case err != nil:
		check.Detail, check.Remedy = err.Error(), "put a valid API key of "+email+" where the configuration says"
		return check
	case who.Email != "" && !strings.EqualFold(who.Email, email):
		check.Detail, check.Remedy = "its API key belongs to "+who.Email, "put the API key of "+email+" where the configuration says"
		return check
	case who.Account != account:
		check.Detail, check.Remedy = "its API key was made in account "+who.Account, "make an API key of "+email+" in account "+account
		return check
	}
	if check = checkRoom(ctx, check, state, who.IAMID, ports.Keys); !check.OK {
		return check
	}
	return checkModest(ctx, check, who.IAMID, rights)
}

// checkRoom completes the check of a functional ID by how many more keys it may hold.
func checkRoom(ctx context.Context, check Check, state, iamID string, keys activities.Keys) Check {
	limit, held, err := keys.Room(ctx, []string{iamID})
	if err != nil {
		check.Detail, check.Remedy = err.Error(), "give the engine's identity the Administrator role on IAM Identity"
		return check
	}
	check.Detail = fmt.Sprintf("%s, holds %d of %d API keys", state, held[iamID], limit)
	if held[iamID] >= limit {
		check.Remedy = "delete keys of it that nothing uses, have IBM raise the limit, or configure one more functional ID"
		return check
	}
	check.OK = true
	return check
}

// checkClusters also tells whether there are clusters on VPC infrastructure.
func checkClusters(ctx context.Context, clusters activities.Clusters) (vpc bool, checks []Check) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	const role = "give the engine's identity the Administrator role on the Kubernetes service and Viewer on all resource groups"
	groups := Check{Name: "resource groups", Remedy: role}
	if list, err := clusters.ResourceGroups(ctx); err != nil {
		groups.Detail = err.Error()
	} else if groups.Detail = fmt.Sprintf("%d visible", len(list)); len(list) > 0 {
		groups.OK, groups.Remedy = true, ""
	}
	seen := Check{Name: "clusters", Remedy: role}
	list, err := clusters.Clusters(ctx)
	if err != nil {
		seen.Detail = err.Error()
		return false, []Check{groups, seen}
	}
	known := map[string]bool{}
	for _, c := range list {
		known[c.ID] = true
		vpc = vpc || c.Provider == "vpc-gen2"
	}
	seen.OK, seen.Remedy, seen.Detail = true, "", fmt.Sprintf("%d visible", len(list))
	search := Check{Name: "global search"}
	indexed, err := clusters.Indexed(ctx)
	if err != nil {
		search.Detail, search.Remedy = err.Error(), "give the engine's identity a role that lets it search the account's resources"
		return vpc, []Check{groups, seen, search}
	}
	var hidden []string
	for _, c := range indexed {
		if !known[c.ID] {
			hidden = append(hidden, c.Name)
		}
	}
	if len(hidden) > 0 {
		seen.OK, seen.Remedy = false, role+"; the index lags by minutes, so look again later too"
		seen.Detail += "; global search knows more: " + strings.Join(hidden, ", ")
	}
	search.OK, search.Detail = true, fmt.Sprintf("%d clusters indexed", len(indexed))
	return vpc, []Check{groups, seen, search}
}
