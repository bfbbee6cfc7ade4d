package rehearsal

import (
	"fmt"
	"slices"
	"strings"

	"offboard/internal/ibmsim"
)

// rights gives the engine and the functional IDs the access that the survey found.
func (b *builder) rights() {
	engine := b.emails[b.view.Engine.IAMID]
	subject := ibmsim.Grant{User: engine}
	if engine == "" {
		subject = ibmsim.Grant{ServiceID: engineName}
	}
	switch grants, why := b.grants(b.view.EngineRights, subject); {
	case engine != "" && engine == b.account.Owner: // may do everything, by no policy
	case why != "":
		b.scene.Assumptions = append(b.scene.Assumptions, "The engine has all the access it needs: "+why+". starter check says what it lacks.")
		for service, roles := range map[string][]string{"all": {"Administrator", "Manager"}, "account": {"Administrator"}} {
			subject.Roles, subject.Service = roles, service
			b.account.Policies = append(b.account.Policies, subject)
		}
	default:
		b.account.Policies = append(b.account.Policies, grants...)
	}
	for _, f := range b.view.FunctionalIDs {
		for _, p := range b.view.named(f.Email) {
			grants, why := b.grants(f.Rights, ibmsim.Grant{User: b.emails[p.IAMID]})
			if why != "" {
				b.lose("of whose access only a part is known", f.Email)
			}
			b.account.Policies = append(b.account.Policies, grants...)
		}
	}
}

// grants translates rights; why says what makes the list not worth trusting.
func (b *builder) grants(r Rights, subject ibmsim.Grant) (list []ibmsim.Grant, why string) {
	if r.Unknown != "" {
		return nil, "its policies could not be read (" + r.Unknown + ")"
	}
	unjudged, seesAccess := 0, false
	for _, right := range r.List {
		g, ok := b.grant(right, subject)
		if !ok {
			unjudged++
			continue
		}
		list = append(list, g)
		seesAccess = seesAccess || g.ResourceGroup == "" && g.Region == "" && slices.Contains([]string{"account", "iam-access-management"}, g.Service)
	}
	switch {
	case unjudged > 0:
		why = fmt.Sprintf("%d of its %d policies have conditions, custom roles or limits that a rehearsal cannot judge", unjudged, len(r.List))
	case !seesAccess:
		why = "without a role on access management it is not shown all of its own policies"
	}
	return list, why
}

// grant translates one right, if the simulator knows all of it.
func (b *builder) grant(r Right, g ibmsim.Grant) (ibmsim.Grant, bool) {
	if r.Resources == nil {
		return g, false
	}
	for _, crn := range r.Roles {
		role := crn[strings.LastIndex(crn, ":")+1:]
		if !slices.Contains(knownRoles, role) || strings.Contains(crn, ":customRole:") {
			return g, false
		}
		g.Roles = append(g.Roles, role)
	}
	for name, value := range r.Resources {
		switch {
		case name == "accountId":
		case name == "serviceName":
			g.Service = value
		case name == "serviceType" && value == "service":
			g.Service = "all"
		case name == "serviceType" && value == "platform_service":
			g.Service = "account"
		case name == "resourceType" && value == "resource-group":
			g.Service = "resource-group"
		case name == "resourceGroupId" || name == "resource":
			if g.ResourceGroup = b.groupName(value); g.ResourceGroup == "" {
				return g, false
			}
		case name == "region" && ibmsim.KnownRegion(value):
			g.Region = value
		default:
			return g, false
		}
	}
	return g, g.Service != "" && len(g.Roles) > 0
}

// knownRoles are the roles that the simulator has, by the last part of their CRNs.
var knownRoles = []string{"Administrator", "Editor", "Operator", "Viewer", "Manager", "Writer", "Reader", "UserApiKeyCreator", "ServiceIdCreator"}
