// A mapping of Account as a script in TypeScript: its types are taken away, and the rest runs as
// any script does. An editor completes what the org has, once it is told:
//   efficlose plugin types account > account.types.d.ts
//   efficlose mapping preview examples/account.ts

export const fields = ["Name", "Website?", "Industry?", "AnnualRevenue?", "NumberOfEmployees?"];
export const custom = { tier: "text", staffed: "boolean" };

type Tier = "large" | "medium" | "small";

interface Company {
  Name: string;
  Website: string | null;
  Industry: string | null;
  AnnualRevenue: number | null;
  NumberOfEmployees: number | null;
}

/** Returns the class of a company by what it earns in a year. */
function tier(revenue: number | null): Tier {
  if (revenue === null) return "small";
  return revenue >= 1e8 ? "large" : revenue >= 1e6 ? "medium" : "small";
}

export function pull(record: Company) {
  const site = record.Website as string | undefined | null;
  return {
    name: record.Name.trim(),
    website: site,
    domain: site?.replace(/^https?:\/\/(www\.)?/, "").split("/")[0]!.toLowerCase(),
    industry: record.Industry,
    annual_revenue: record.AnnualRevenue,
    employees: record.NumberOfEmployees,
    custom: { tier: tier(record.AnnualRevenue), staffed: (record.NumberOfEmployees ?? 0) > 0 },
  };
}
