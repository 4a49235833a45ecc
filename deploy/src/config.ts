/** Where tools such as helm are looked for. */
export const toolPath: string = process.env.PATH ?? "";
