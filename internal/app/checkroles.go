package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"offboard/internal/ibmcloud"
	"offboard/internal/offboard"
)

// Rights tells what an identity may do, by the policies that the engine can see; see [ibmcloud.Access.Rights].
type Rights interface {
	Rights(ctx context.Context, iamID string) ([]ibmcloud.Right, error)
}

// need is a role that the engine's identity has to hold in the whole account, and what for.
type need struct {
	service string // IAM service name
	anyOf   []string
	why     string
}

// engineNeeds are the least the engine gets along with; docs/security.md says the same. What it grants to functional IDs
// it must hold itself, unless it administers all access.
func engineNeeds(vpc, mayGrantAll bool) []need {
	administrator := []string{"Administrator"}
	list := []need{
		{"user-management", administrator, "invite functional IDs and remove people"},
		{"iam-identity", administrator, "see, disable, enable and delete the keys of others"},
		{"iam-groups", []string{"Administrator", "Editor"}, "put functional IDs into an access group"},
		{"iam-access-management", []string{"Administrator", "Editor", "Operator", "Viewer"}, "see who has which access"},
		{"containers-kubernetes", administrator, "read and refresh clusters"},
		{"containers-kubernetes", []string{"Manager"}, "read the kubeconfig of an administrator"},
	}
	if mayGrantAll {
		return list
	}
	const toGive = "give functional IDs the same"
	list = append(list, need{"container-registry", administrator, toGive}, need{"resource-group", administrator, "let functional IDs see resource groups"})
	if vpc {
		list = append(list, need{"is", administrator, toGive})
	}
	return list
}

func (n need) String() string {
	return fmt.Sprintf("%s on %s, to %s", strings.Join(n.anyOf, " or "), n.service, n.why)
}

func (n need) met(rights []ibmcloud.Right) bool {
	return slices.ContainsFunc(rights, func(r ibmcloud.Right) bool {
		return r.Covers(n.service) && slices.ContainsFunc(n.anyOf, func(role string) bool { return gives(r, role) })
	})
}

// gives tells whether a right holds one of IBM's own roles, by its short name.
func gives(r ibmcloud.Right, role string) bool {
	return slices.ContainsFunc(r.Roles, func(crn string) bool {
		return strings.HasSuffix(crn, ":role:"+role) || strings.HasSuffix(crn, ":serviceRole:"+role)
	})
}

// checkRoles compares the engine's access with what it will need: the other checks look, and looking takes fewer roles
// than changing.
func checkRoles(ctx context.Context, who offboard.Identity, vpc bool, rights Rights) Check {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	check := Check{Name: "engine's roles"}
	held, err := rights.Rights(ctx, who.IAMID)
	if err != nil {
		check.Detail, check.Remedy = err.Error(), "give the engine's identity the Viewer role on IAM Access Management"
		return check
	}
	grantsAll := need{service: "iam-access-management", anyOf: []string{"Administrator"}}.met(held)
	var lacking []string
	for _, n := range engineNeeds(vpc, grantsAll) {
		if !n.met(held) {
			lacking = append(lacking, n.String())
		}
	}
	unjudged := 0
	for _, r := range held {
		if !r.Judged() {
			unjudged++
		}
	}
	switch {
	case len(lacking) == 0:
		check.OK, check.Detail = true, fmt.Sprintf("all it needs, by %d policies", len(held))
	case unjudged > 0:
		check.OK = true
		check.Detail = fmt.Sprintf("%d policies with conditions or custom roles cannot be judged here; the others do not give: %s", unjudged, strings.Join(lacking, "; "))
	default:
		check.Detail = "it lacks " + strings.Join(lacking, "; ")
		check.Remedy = "give it these roles for the whole account; docs/security.md lists all of them"
	}
	return check
}

// checkModest completes the check of a functional ID: whoever reads the key of a cluster is the functional ID, so it must
// not be able to change who has which access.
func checkModest(ctx context.Context, check Check, iamID string, rights Rights) Check {
	held, err := rights.Rights(ctx, iamID)
	if err != nil {
		check.OK, check.Detail, check.Remedy = false, err.Error(), "give the engine's identity the Viewer role on IAM Access Management"
		return check
	}
	var excess []string
	for _, service := range []string{"user-management", "iam-identity", "iam-groups", "iam-access-management"} {
		if (need{service: service, anyOf: []string{"Administrator", "Editor"}}).met(held) {
			excess = append(excess, service)
		}
	}
	if len(excess) > 0 {
		check.OK = false
		check.Detail += "; it may change " + strings.Join(excess, ", ") + ", and so may whoever reads a cluster's key"
		check.Remedy = "take the Administrator and Editor roles on these services from it; docs/security.md lists what it needs"
	}
	return check
}
