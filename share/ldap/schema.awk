# SPDX-License-Identifier: MIT
# Writes subid.schema in another form: awk -v form=openldap|389ds -f schema.awk subid.schema
#
#   openldap   an entry of cn=config, whose macro it keeps
#   389ds      a file of the schema directory, which knows no macros

function flush_definition() {
	if (definition == "")
		return
	gsub(/[ \t]+/, " ", definition)
	kind = definition ~ /^attributetype/ ? "attributeTypes" : "objectClasses"
	sub(/^[a-z]+ /, "", definition)
	if (form == "openldap") {
		print "olc" toupper(substr(kind, 1, 1)) substr(kind, 2) ": " definition
	} else {
		sub(/subidArc:/, arc ".", definition)
		sub(/ \)$/, " X-ORIGIN 'subid' )", definition)
		print kind ": " definition
	}
	definition = ""
}

BEGIN {
	if (form == "openldap")
		print "# OpenLDAP, where its configuration is in cn=config:\n" \
		      "#     ldapadd -H ldapi:/// -Y EXTERNAL -f subid.ldif\n\n" \
		      "dn: cn=subid,cn=schema,cn=config\nobjectClass: olcSchemaConfig\ncn: subid"
	else
		print "dn: cn=schema"
}
/^objectIdentifier/ {
	arc = $3
	if (form == "openldap")
		print "olcObjectIdentifier: " $2 " " $3
}
/^(attributetype|objectclass)/ { flush_definition(); definition = $0; next }
/^[ \t]/ { definition = definition " " $0; next }
{ flush_definition() }
END { flush_definition() }
