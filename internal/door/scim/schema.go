package scim

import "strings"

// The URNs of what is spoken here.
const (
	userSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	errorSchema      = "urn:ietf:params:scim:api:messages:2.0:Error"
	listSchema       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	patchSchema      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// attribute is the definition of an attribute, in the words of RFC 7643, section 7: what /Schemas shows is what requests
// are read by.
type attribute struct {
	Name            string      `json:"name"`
	Type            string      `json:"type"`
	Sub             []attribute `json:"subAttributes,omitempty"`
	MultiValued     bool        `json:"multiValued"`
	Description     string      `json:"description"`
	Required        bool        `json:"required"`
	CanonicalValues []string    `json:"canonicalValues,omitempty"`
	CaseExact       bool        `json:"caseExact"`
	Mutability      string      `json:"mutability"`
	Returned        string      `json:"returned"`
	Uniqueness      string      `json:"uniqueness"`
	ReferenceTypes  []string    `json:"referenceTypes,omitempty"`
}

const (
	typeText      = "string"
	typeFlag      = "boolean"
	typeTime      = "dateTime"
	typeReference = "reference"
	typeBinary    = "binary"
	typeComplex   = "complex"

	readOnly  = "readOnly"
	readWrite = "readWrite"
	writeOnly = "writeOnly"
)

func plain(name, kind, description string) attribute {
	return attribute{Name: name, Type: kind, Description: description, Mutability: readWrite, Returned: "default", Uniqueness: "none"}
}

func text(name, description string) attribute { return plain(name, typeText, description) }

func flag(name, description string) attribute { return plain(name, typeFlag, description) }

func reference(name, description string, kinds ...string) attribute {
	a := plain(name, typeReference, description)
	a.CaseExact, a.ReferenceTypes = true, kinds
	return a
}

func complexOf(name, description string, sub ...attribute) attribute {
	a := plain(name, typeComplex, description)
	a.Sub = sub
	return a
}

// many is a list of values, each with a type and at most one of them primary.
func many(name, description string, value attribute, kinds ...string) attribute {
	label := text("type", "What the value is for.")
	label.CanonicalValues = kinds
	a := complexOf(name, description, value, text("display", "The value as people read it."), label,
		flag("primary", "Whether it is the preferred one; true for one value at most."))
	a.MultiValued = true
	return a
}

func (a attribute) readOnly() attribute {
	a.Mutability = readOnly
	sub := make([]attribute, len(a.Sub))
	for i, s := range a.Sub {
		sub[i] = s.readOnly()
	}
	a.Sub = sub
	return a
}

func (a attribute) exact() attribute {
	a.CaseExact = true
	return a
}

// common are the attributes that every resource has and no schema lists (RFC 7643, section 3.1).
var common = []attribute{
	text("id", "").exact().readOnly(),
	text("externalId", "").exact(),
	plain("schemas", typeReference, "").exact().readOnly(),
	complexOf("meta", "", text("resourceType", "").exact(), plain("created", typeTime, ""), plain("lastModified", typeTime, ""),
		reference("location", ""), text("version", "").exact()).readOnly(),
}

// coreUser is the schema of a user (RFC 7643, section 4.1).
var coreUser = []attribute{
	func() attribute {
		a := text("userName", "The name the user signs in with; unique without regard to case.")
		a.Required, a.Uniqueness = true, "server"
		return a
	}(),
	complexOf("name", "The parts of the user's name.",
		text("formatted", "The whole name as it is shown."),
		text("familyName", "The family name."),
		text("givenName", "The given name."),
		text("middleName", "The middle names."),
		text("honorificPrefix", "What stands before the name."),
		text("honorificSuffix", "What stands behind the name.")),
	text("displayName", "The name as it is shown to others."),
	text("nickName", "What the user is called by others."),
	reference("profileUrl", "A page about the user.", "external"),
	text("title", "The job title."),
	text("userType", "The relation to the organisation, such as employee or contractor."),
	text("preferredLanguage", "The language the user prefers."),
	text("locale", "The region whose formats the user prefers."),
	text("timezone", "The time zone, by its name in the zone database."),
	flag("active", "Whether the user may sign in. Set to false, an offboarding is planned that waits for approval; set to true again, it is called off."),
	func() attribute {
		a := text("password", "Accepted and forgotten at once.")
		a.Mutability, a.Returned = writeOnly, "never"
		return a
	}(),
	many("emails", "E-mail addresses.", text("value", "The address."), "work", "home", "other"),
	many("phoneNumbers", "Telephone numbers.", text("value", "The number."), "work", "home", "mobile", "fax", "pager", "other"),
	many("ims", "Addresses for instant messages.", text("value", "The address.")),
	many("photos", "Pictures of the user.", reference("value", "Where the picture is.", "external"), "photo", "thumbnail"),
	func() attribute {
		kind := text("type", "What the address is for.")
		kind.CanonicalValues = []string{"work", "home", "other"}
		a := complexOf("addresses", "Postal addresses.",
			text("formatted", "The whole address as it is written."),
			text("streetAddress", "Street and number."),
			text("locality", "The town."),
			text("region", "The state or region."),
			text("postalCode", "The postal code."),
			text("country", "The country, in two letters."),
			kind, flag("primary", "Whether it is the preferred one; true for one value at most."))
		a.MultiValued = true
		return a
	}(),
	func() attribute {
		a := complexOf("groups", "Groups are not kept: the list is always empty.",
			text("value", "The group's ID."), reference("$ref", "The group.", "Group"), text("display", "The group's name."))
		a.MultiValued = true
		return a.readOnly()
	}(),
	many("entitlements", "What the user is entitled to.", text("value", "The entitlement.")),
	many("roles", "The user's roles.", text("value", "The role.")),
	many("x509Certificates", "Certificates of the user.", plain("value", typeBinary, "The certificate, DER in Base64.").exact()),
}

// enterpriseUser is the extension for people who work for an organisation (RFC 7643, section 4.3).
var enterpriseUser = []attribute{
	text("employeeNumber", "The number the organisation gave the person."),
	text("costCenter", "The cost centre."),
	text("organization", "The organisation."),
	text("division", "The division."),
	text("department", "The department."),
	complexOf("manager", "The person's manager.",
		text("value", "The manager's ID."), reference("$ref", "The manager.", "User"),
		func() attribute {
			a := text("displayName", "The manager's name.")
			a.Mutability = readOnly
			return a
		}()),
}

// schemaOf returns the attributes of a schema by its URN; none for an extension that is not known.
func schemaOf(urn string) []attribute {
	switch {
	case urn == "" || strings.EqualFold(urn, userSchema):
		return coreUser
	case strings.EqualFold(urn, enterpriseSchema):
		return enterpriseUser
	}
	return nil
}

// find returns an attribute by its name, which has no case (RFC 7643, section 2.1); nil if it is not known.
func find(list []attribute, name string) *attribute {
	for i := range list {
		if strings.EqualFold(list[i].Name, name) {
			return &list[i]
		}
	}
	return nil
}

// topLevel finds an attribute of a user itself.
func topLevel(name string) *attribute {
	if a := find(common, name); a != nil {
		return a
	}
	return find(coreUser, name)
}

// isURN tells whether a key or a path begins with the name of a schema.
func isURN(s string) bool { return len(s) > 4 && strings.EqualFold(s[:4], "urn:") }
